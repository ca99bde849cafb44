import Posix
import TestSupport
import Testing

@testable import Automount

/// `/etc/autosquash.conf`.
@Suite struct ConfigurationTests {
  private func parse(_ text: String) throws(ConfigurationError) -> Configuration {
    try Configuration(parsing: Array(text.utf8), path: "/etc/a.conf")
  }

  @Test func everyKeyIsRead() throws {
    let read = try parse(
      """
      # The course machines.
      images =  /srv//images/
      mount-root=/course
         suffixes = .sq  .img
      fstype = fuse.squashfuse_ll
      options = ro,nosuid,context=system_u:object_r:x
      timeout = 60\r
      answer-timeout = 3
      folders = no
      browse = no
      outside-links = yes

      overlay = /srv/over lay # all of it
      """)
    var expected = Configuration()
    expected.images = .folder("/srv/images")
    expected.mountRoot = "/course"
    expected.suffixes = [Array(".sq".utf8), Array(".img".utf8)]
    expected.fileSystem = .fuse(Array("fuse.squashfuse_ll".utf8))
    expected.options = Array("ro,nosuid,context=system_u:object_r:x".utf8)
    expected.idleTimeout = 60
    expected.answerTimeout = 3
    expected.folders = false
    expected.browse = false
    expected.outsideLinks = true
    expected.overlay = "/srv/over lay # all of it"
    #expect(read == expected)
    #expect(try parse("") == Configuration())
    #expect(try parse("#\n  # x\n\n").images == .folder("/mnt/s3fs/autosquash"))
  }

  @Test func imagesMayBeInABucket() throws {
    let read = try parse(
      """
      images = s3://course-data/2026/autosquash//
      endpoint-url = https://minio.example:9000
      region = eu-central-1
      profile = courses
      ca-bundle = /etc/ssl/own.pem
      sign-requests = no
      cache = none
      cache-size = 20G
      """)
    let folder = try #require(read.images.bucket)
    #expect(folder.url == Array("s3://course-data/2026/autosquash".utf8))
    #expect(folder.url(of: "week 1/x.squash") == folder.url + Array("/week 1/x.squash".utf8))
    #expect(
      read.mountOptions
        == [
          "--endpoint-url=https://minio.example:9000", "--region=eu-central-1", "--profile=courses",
          "--ca-bundle=/etc/ssl/own.pem", "--cache=none", "--cache-size=20G", "--no-sign-request",
          "--timeout=10",
        ].map { Array($0.utf8) })
    #expect(MapEntry.MountType(read) == .autosquash)
  }

  @Test(arguments: [
    ("images = s3://b/x", "1: images: must be s3://BUCKET/FOLDER"),
    ("images = s3://", "1: images: must be s3://"),
    ("images = s3:///x", "1: images: must be s3://"),
    ("images = s3://bucket//x", "1: images: must be s3://"),
    ("images = s3://bucket/../x", "1: images: must be s3://"),
    ("images = s3://buc\"ket/x", "1: images: must be s3://"),
    ("images = s3://bucket/x\nfstype = squashfs", " only 'fstype = autosquash' or auto"),
    ("endpoint-url = minio", "1: endpoint-url: must begin with https://"),
    ("region =", "1: region: must be one word"), ("profile = a b", "1: profile: must be one word"),
    ("cache = here", "1: cache: must be a path"),
    ("sign-requests = 1", "1: sign-requests: must be 'yes'"),
    ("images", "1: no '='"),
    ("\n\nimage = /x", "3: unknown key 'image'; valid keys: images, mount-root"),
    ("ima\u{1b}[0m = /x", "1: unknown key 'ima\\033[0m'"),
    ("images = /a\nimages = /b", "2: 'images' is already set in line 1"),
    ("images = here", "1: images: must be a path that begins with '/'"),
    ("images =", "1: images: must be a path"),
    ("images = /", "1: images: must not be the root"),
    ("images = /a/../b", "1: images: the path must not contain '.' or '..'"),
    ("images = /a/./b", "1: images: the path must not contain '.'"),
    ("images = /a\"b", "1: images: the path must not contain quotation marks"),
    ("images = /a\tb", "1: images: the path must not contain quotation marks or control"),
    ("images = /" + String(repeating: "x", count: 5000), "1: images: the path is too long"),
    ("state = /a b", "1: state: autofs takes only letters, digits and ._-+ in this path"),
    ("state = /caf\u{e9}", "1: state: autofs takes only letters, digits"),
    ("state = /a/../b", "1: state: the path must not contain '.'"),
    ("state = a", "1: state: must be a path that begins with '/'"),
    ("state =", "1: state: must be a path"),
    ("timeout = soon", "1: timeout: must be a number of seconds from 1 to"),
    ("timeout = 0", "1: timeout: must be a number"),
    ("answer-timeout = 99999999999999999999", "1: answer-timeout: must be a number"),
    ("folders = maybe", "1: folders: must be 'yes' or 'no'"),
    ("suffixes =  ", "1: suffixes: needs at least one"),
    ("suffixes = squash", "1: suffixes: 'squash' must begin with '.'"),
    ("suffixes = .", "1: suffixes: '.' must begin"),
    ("suffixes = .a/b", "1: suffixes: '.a/b' must begin with '.' and must not be a path"),
    ("suffixes = .a\u{0}b", "1: suffixes: '.a\\000b' must begin with '.' and must not be a path"),
    ("fstype = ext4", "1: fstype: must be auto, squashfs, autosquash, fuse.squashfuse"),
    ("options = ro, nosuid", "1: options: ' nosuid' has a character"),
    ("options = ro\"", "1: options: 'ro\"' has a character that autofs"),
    ("options = ro,,nosuid", "1: options: an empty option"),
    ("options = loop,ro", "1: options: 'loop' does not belong here"),
    ("options = fstype=ext4", "1: options: 'fstype' does not belong here"),
  ])
  func mistakesAreToldWithTheirLine(text: String, expected: String) {
    let error = #expect(throws: ConfigurationError.self) { try parse(text) }
    #expect(
      error?.description.hasPrefix("/etc/a.conf:\(expected)") == true,
      "\(error?.description ?? "")")
  }

  /// autofs would be mounted over the images, and look for them below itself.
  @Test(arguments: [("/a", "/a"), ("/a/b", "/a"), ("/a", "/a/b")])
  func mountRootAndImagesAreApart(images: String, mountRoot: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try parse("images = \(images)\nmount-root = \(mountRoot)\n")
    }
    #expect(error?.text.contains("must not be inside each other") == true)
  }

  @Test func aMissingFileIsTold() throws {
    let folder = try TemporaryFolder()
    let missing = #expect(throws: ConfigurationError.self) {
      try Configuration.load(HostPath(folder.path("none")))
    }
    #expect(
      missing?.description
        == "\(folder.path("none")): cannot open: No such file or directory;"
        + " 'autosquash setup' writes one, AUTOSQUASH_CONFIG names another")
    let device = #expect(throws: ConfigurationError.self) {
      try Configuration.load("/dev/zero")
    }
    #expect(device?.description.contains("not a configuration file") == true)
  }

  /// Whatever the file holds, reading it ends with settings or with an error for a line.
  @Test func noiseIsHarmless() {
    for seed in 0..<5000 {
      var random = SeededGenerator(UInt64(seed))
      var text = Array(
        "images = /a\nstate = /b\n#\noptions=ro,x\nsuffixes = .a .b\ntimeout = 5\n".utf8)
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let at = Int.random(in: 0...text.count, using: &random)
        let piece = (0..<Int.random(in: 0...4, using: &random)).map { _ in
          UInt8.random(in: 0...255, using: &random)
        }
        let end = min(text.count, at + Int.random(in: 0...3, using: &random))
        text.replaceSubrange(at..<end, with: piece)
      }
      if let read = try? Configuration(parsing: text, path: "") {
        if let images = read.images.folder {
          #expect(MapEntry.canQuote(images) && images.isAbsolute, "\(seed)")
        }
        #expect(MapEntry.isPlain(read.state), "\(seed)")
        #expect(!read.options.contains { $0 <= 0x20 || $0 == UInt8(ascii: "\"") }, "\(seed)")
      }
    }
  }
}
