import FileTrees
import Posix
import TestSupport
import Testing

/// Owners, modes, times and extended attributes of entries.
@Suite struct MetadataTests {
  private typealias Mapping = OwnershipPolicy.Mapping

  private static func policy(
    _ owner: OwnershipPolicy.Owner, uid: [OwnershipPolicy.Mapping?] = [],
    gid: [OwnershipPolicy.Mapping?] = [], keepsSetID: Bool = false
  ) -> OwnershipPolicy {
    var policy = OwnershipPolicy()
    policy.owner = owner
    policy.uidMap = uid.compactMap { $0 }
    policy.gidMap = gid.compactMap { $0 }
    policy.keepsSetID = keepsSetID
    return policy
  }

  @Test(arguments: [
    (policy(.root), "f a owner=5:6", "f a mode=644 owner=0:0"),
    (policy(.keep), "f a owner=5:6", "f a mode=644 owner=5:6"),
    (policy(.fixed(uid: 7, gid: 8)), "f a owner=5:6", "f a mode=644 owner=7:8"),
    (policy(.root, uid: [Mapping(from: 5, to: 50)]), "f a owner=5:6", "f a mode=644 owner=50:0"),
    (policy(.keep, gid: [Mapping(from: 6, to: 60)]), "f a owner=5:6", "f a mode=644 owner=5:60"),
    (
      policy(.keep, uid: [Mapping(from: 0, to: 100_000, count: 65_536)]), "f a owner=1000:1000",
      "f a mode=644 owner=101000:1000"
    ),
    (
      policy(.keep, uid: [Mapping(from: 1, to: 2), Mapping(from: 1, to: 3)]), "f a owner=1:1",
      "f a mode=644 owner=2:1"
    ),
    // As in chown(2).
    (policy(.root), "f a mode=6755", "f a mode=755 owner=0:0"),
    (policy(.root), "f a mode=6644", "f a mode=2644 owner=0:0"),
    (policy(.keep), "f a mode=6755", "f a mode=6755 owner=1000:1000"),
    (policy(.root), "f a mode=6755 owner=0:0", "f a mode=6755 owner=0:0"),
    (policy(.root, keepsSetID: true), "f a mode=6755", "f a mode=6755 owner=0:0"),
    (policy(.root), "d a mode=2775", "d a mode=2775 owner=0:0"),
  ])
  func ownersFollowThePolicy(policy: OwnershipPolicy, entry: String, result: String) throws {
    let made = try Assembly([entry]) { $0.ownership = policy }
    #expect(made.lines([.mode, .owner]) == [result])
  }

  @Test(
    arguments: [(UInt32.max, 0, 2), (0, UInt32.max, 2), (0, 0, 0)] as [(UInt32, UInt32, UInt32)])
  func noMappingGoesBeyondTheLargestNumber(from: UInt32, to: UInt32, count: UInt32) {
    #expect(OwnershipPolicy.Mapping(from: from, to: to, count: count) == nil)
  }

  @Test func whatMakesNoDifferenceIsSaid() throws {
    let made = try Assembly(["f a mode=4755 x:security.capability=1", "f b mode=4755"]) {
      $0.ownership.uidMap = [OwnershipPolicy.Mapping(from: 3, to: 4)!]
    }
    #expect(made.lines([.mode, .xattrs]) == ["f a mode=755", "f b mode=755"])
    #expect(
      made.notes.warnings == [
        "--uid-map 3:4 matches no user of the source",
        "2 files lost their set-id bits or capabilities with their owner; --keep-setid keeps them",
      ])
  }

  @Test func anOwnerThatIsNoNumberIsRefusedWhereItWouldCount() throws {
    let entry = ["f a owner=4294967295:0"]
    #expect(try Assembly(entry).lines([.owner]) == ["f a owner=0:0"])
    #expect {
      try Assembly(entry) { $0.ownership.owner = .keep }
    } throws: {
      "\($0)" == "a: its owner is not a valid number"
    }
  }

  @Test(
    arguments: [
      (TimePolicy.keep, 5, 5), (.fixed(9), 5, 9), (.notAfter(9), 5, 5), (.notAfter(3), 5, 3),
      (.keep, -1, 0), (.keep, 4_294_967_296, 4_294_967_295), (.fixed(7), -1, 7),
    ] as [(TimePolicy, Int64, Int64)])
  func timesFollowThePolicy(policy: TimePolicy, time: Int64, result: Int64) throws {
    let made = try Assembly(["f a time=\(time)"]) { $0.times = policy }
    #expect(made.lines([.time]) == ["f a time=\(result)"])
    let isClamped = policy == .keep && time != result
    #expect(made.notes.clampedTimes == (isClamped ? 1 : 0))
  }

  @Test(
    arguments: [
      ("@0", 0), ("@-5", -5), ("1970-01-02", 86_400), ("2026-01-31", 1_769_817_600),
      ("2000-02-29", 951_782_400), ("1900-02-29", nil), ("2026-13-01", nil), ("2026-1-1", nil),
      ("2026-01-31T12:00:00Z", 1_769_860_800), ("2026-01-31 12:00", 1_769_860_800),
      ("2026-01-31T12:00:00+01:00", 1_769_857_200), ("2026-01-31T12:00-0130", 1_769_866_200),
      ("2026-01-31T25:00", nil), ("2026-01-31x", nil), ("@", nil), ("", nil),
    ] as [(String, Int64?)])
  func datesAreRead(text: String, seconds: Int64?) {
    #expect(TimePolicy.seconds(of: text) == seconds)
  }

  /// As in chmod(1).
  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func modesChangeAsByChmod(seed: UInt64) throws {
    var random = SeededGenerator(seed)
    let cases = (0..<40).map { _ in
      (mode: UInt16.random(in: 0...0o7777, using: &random), change: Self.change(&random))
    }
    let folder = try TemporaryFolder()
    let script = cases.map { mode, change in
      // Five digits: directories keep none of their earlier bits.
      let octal = String(mode, radix: 8).leftPadded(to: 5, with: "0")
      return "for x in f d; do chmod \(octal) $x; chmod \(change) $x; stat -c %a $x; done"
    }
    let text = try Tool.check(
      ["sh", "-ec", "umask 0; touch f; mkdir d; " + script.joined(separator: "; ")],
      in: folder.root
    ).text
    let found = text.split(separator: "\n").map { UInt16($0, radix: 8)! }
    for (index, (mode, text)) in cases.enumerated() {
      for (place, isDirectory) in [false, true].enumerated() {
        #expect(
          ModeChange(parsing: text)?.apply(to: mode, isDirectory: isDirectory)
            == found[2 * index + place],
          "seed \(seed): \(text) of \(String(mode, radix: 8)), directory \(isDirectory)")
      }
    }
  }

  private static func change(_ random: inout SeededGenerator) -> String {
    if Int.random(in: 0..<4, using: &random) == 0 {
      return String(UInt16.random(in: 0...0o777, using: &random), radix: 8)
    }
    return (0...Int.random(in: 0...1, using: &random)).map { _ in
      let who = ["u", "g", "o", "a", "ug", "go", "ugo"].randomElement(using: &random)!
      let operation = ["+", "-", "="].randomElement(using: &random)!
      let bits = ["r", "w", "x", "X", "rw", "rX", "rwx", "s", "t", "", "u", "g", "o"]
        .randomElement(using: &random)!
      return who + operation + bits
    }.joined(separator: ",")
  }

  @Test(arguments: ["", "8", "77777", "a", "a+y", "u=rwz", "+r,", ",", "z+r", "0x1", "u+gw"])
  func whatIsNoModeIsRefused(text: String) { #expect(ModeChange(parsing: text) == nil) }

  @Test(
    arguments: [
      ("all", ["com.apple.x", "security.selinux", "trusted.a", "user.a", "user.xdg.origin"]),
      ("none", []),
      ("user.*", ["user.a", "user.xdg.origin"]),
      ("user.a,trusted.*", ["trusted.a", "user.a"]),
      (nil, ["trusted.a", "user.a"]),
    ] as [(String?, [String])])
  func attributesFollowThePolicy(text: String?, taken: [String]) throws {
    let policy = text.map { XattrPolicy(parsing: Array($0.utf8))! } ?? .usual
    let all = ["com.apple.x", "security.selinux", "trusted.a", "user.a", "user.xdg.origin"]
    #expect(all.filter { policy.takes(Array($0.utf8)) } == taken)
    let made = try Assembly(["f a " + all.map { "x:\($0)=1" }.joined(separator: " ")]) {
      $0.xattrs = policy
    }
    // An image cannot hold other systems' attributes.
    let stored = taken.filter { !$0.hasPrefix("com.") }
    #expect(made.lines([.xattrs]) == ["f a" + stored.map { " x:\($0)=1" }.joined()])
    #expect(made.notes.localXattrs == (text == nil ? 3 : 0))
    #expect(made.notes.droppedXattrs == taken.count - stored.count)
  }

  @Test func whatAnImageCannotHoldIsAnErrorWhereThatIsWanted() {
    #expect {
      try Assembly(["f a x:system.posix_acl_access=1"]) { $0.isStrict = true }
    } throws: {
      "\($0)" == "a: it has attributes that an image cannot hold (such as POSIX ACLs)"
    }
  }
}
