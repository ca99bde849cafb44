import Glibc
import TestSupport
import Testing

@testable import ObjectStore

@Suite struct SharedConfigurationTests {
  private typealias Sections = [[String: [String: String]]]

  @Test(arguments: [
    ("", []),
    ("[a]", [["a": [:]]]),
    ("[a]\nb = c\nd=e\nf : g\n", [["a": ["b": "c", "d": "e", "f": "g"]]]),
    ("# x\n; y\n\n[a]\n# z\nb = c\n", [["a": ["b": "c"]]]),
    ("[a]\r\nb = c\r\n", [["a": ["b": "c"]]]),
    ("[ a ] # why\nb = c # d\n", [["a": ["b": "c # d"]]]),
    ("[a]\nB = C = D\n", [["a": ["b": "C = D"]]]),
    ("[a]\nb =\n", [["a": ["b": ""]]]),
    ("[a]\ns3 =\n  b = c\n  d\ne = f\n", [["a": ["s3": "", "e": "f"]]]),
    ("[a]\nb = c\n  d\n\n\te\n", [["a": ["b": "c\nd\ne"]]]),
    ("  [a]\n  b = c\n  d = e\n", [["a": ["b": "c", "d": "e"]]]),
    ("[a]\nb = c\nb = d\n", [["a": ["b": "d"]]]),
    ("[a]\nb = c\n[d]\n[a]\ne = f\n", [["a": ["b": "c"]], ["d": [:]], ["a": ["e": "f"]]]),
    ("\u{feff}[ä]\nb = ö\n", [["ä": ["b": "ö"]]]),
  ])
  func sectionsAndSettings(text: String, sections: [[String: [String: String]]]) throws {
    #expect(try INIFile.parse(Array(text.utf8)).get().map { [$0.name: $0.settings] } == sections)
  }

  @Test(arguments: [
    ("b = c\n", 1), ("[a]\nword\n", 2), ("[a\n", 1), ("[]\n", 1), ("[a]\n= b\n", 2),
    ("[a]\nb = \u{0}\n", 2), ("[a]\n\nb\u{1b}[2J = c\n", 3), ("  [a]\n b\n", 2),
  ])
  func aBrokenLineIsNamed(text: String, line: Int) {
    #expect(throws: INIFile.Broken.self) { try INIFile.parse(Array(text.utf8)).get() }
    guard case .failure(let error) = INIFile.parse(Array(text.utf8)) else { return }
    #expect(error.line == line)
  }

  @Test func bytesThatAreNotUTF8AreRefused() {
    guard case .failure = INIFile.parse([0x5b, 0x61, 0x5d, 0x0a, 0xff, 0x3d, 0x62]) else {
      Issue.record("read")
      return
    }
  }

  private let folder: TemporaryFolder
  private let environment: StoreEnvironment

  init() throws {
    folder = try TemporaryFolder()
    try Tool.check(["mkdir", folder.path(".aws")])
    environment = StoreEnvironment([:], home: folder.root)
  }

  @Test func profilesOfBothFilesAreMerged() throws {
    try folder.write(
      ".aws/config",
      [UInt8](
        """
        [default]
        region = eu-west-1
        [profile two words]
        region = a
        [profile 'single']
        region = b
        [profile "quoted name"]
        region = c
        [sso-session x]
        region = d
        [plain]
        region = e
        """.utf8))
    try folder.write(
      ".aws/credentials",
      Array("[default]\naws_access_key_id = A\nregion = f\n[other]\naws_access_key_id = B\n".utf8))
    let configuration = try SharedConfiguration(environment)
    #expect(configuration.profiles.keys.sorted() == ["default", "other", "quoted name", "single"])
    let profile = try configuration.profile(named: nil, environment)
    #expect(profile["region"] == "f")
    #expect(profile["aws_access_key_id"] == "A")
  }

  @Test func variablesNameFilesAndProfile() throws {
    try folder.write("c", Array("[profile x]\nregion = r\n".utf8))
    try folder.write("k", Array("[x]\naws_access_key_id = A\n[y]\n".utf8))
    let environment = StoreEnvironment(
      [
        "AWS_CONFIG_FILE": "~/c", "AWS_SHARED_CREDENTIALS_FILE": folder.path("k"),
        "AWS_PROFILE": "x",
      ], home: folder.root)
    let configuration = try SharedConfiguration(environment)
    #expect(try configuration.profile(named: nil, environment)["region"] == "r")
    #expect(try configuration.profile(named: "y", environment)["region"] == nil)
    let error = #expect(throws: StoreError.self) {
      try configuration.profile(named: "z", environment)
    }
    #expect(error?.message.contains("no profile 'z'") == false)
    #expect(error?.message.contains("no profile z in ") == true)
  }

  @Test func missingFilesAreNoError() throws {
    let nowhere = StoreEnvironment([:], home: "/nonexistent")
    #expect(try SharedConfiguration(nowhere).profiles.isEmpty)
    #expect(try SharedConfiguration(nowhere).profile(named: nil, nowhere)["region"] == nil)
  }

  @Test func whatCannotBeReadIsAnErrorThatNamesTheFile() throws {
    try folder.write(".aws/config", Array("[default]\nregion\n".utf8))
    let error = #expect(throws: StoreError.self) { try SharedConfiguration(environment) }
    #expect(error?.code == .invalid)
    #expect(error?.message.contains(".aws/config: line 2 ") == true)
    try folder.write(
      ".aws/config", [UInt8](repeating: 0x0a, count: SharedConfiguration.mostBytes + 1))
    #expect(throws: StoreError.self) { try SharedConfiguration(environment) }
    try Tool.check(["rm", folder.path(".aws/config")])
    try Tool.check(["mkdir", folder.path(".aws/config")])
    #expect(throws: StoreError.self) { try SharedConfiguration(environment) }
  }
}
