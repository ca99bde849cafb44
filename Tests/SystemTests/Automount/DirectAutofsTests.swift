import Foundation
import Glibc
import Posix
import TestSupport
import Testing

extension AutomountSystemTests {
  /// Images that the automounter mounts from a bucket itself: no s3fs, no loop device.
  @Suite struct DirectAutofsTests {
    private let server: FaultServer
    private let work: TemporaryFolder

    init() throws {
      server = try FaultServer()
      work = try TemporaryFolder()
    }

    /// Puts a small image into the bucket; its file `id` holds the text.
    private func add(_ name: String, id: String? = nil) throws {
      let folder = "image-\(UInt64.random(in: 0...UInt64.max))"
      try Tool.check(["mkdir", work.path(folder)])
      try work.write("\(folder)/id", Array((id ?? name).utf8))
      try Tool.check([Tool.autosquash, "pack", folder, "-q"], in: work.root)
      try server.put("course", "images/\(name).squash", file: work.path("\(folder).squash"))
    }

    private func lab(
      _ settings: String = "", timeout: Int = 300, browses: Bool = false
    ) throws -> AutofsLab {
      try AutofsLab(
        images: "s3://course/images", timeout: timeout,
        settings: """
          endpoint-url = \(server.url)
          sign-requests = no
          answer-timeout = 3
          cache = \(work.path("cache"))
          \(settings)
          """, browses: browses)
    }

    private func servers(of lab: AutofsLab) throws -> [pid_t] {
      try Tool.run(["pgrep", "-f", "--", "autosquash mount .*\(lab.mountRoot)"]).text
        .split(separator: "\n").compactMap { pid_t($0) }
    }

    @Test func everyNameMounts() throws {
      let names = [
        "my tarball", "it's", "\"quoted\"", "new\nline", "a\\b", "$HOME", "a:b:c", "-fstype=ext4",
        "café 🐧", "#x", "*", "&", "100%", "%41", "tab\there", "week 1/in \"a\" folder",
        "week 1/deep/er",
      ]
      for name in names { try add(name) }
      try AutomountSystemTests.withMountHelper {
        let lab = try lab()
        for name in names {
          #expect(lab.id(Array(name.utf8)) == name, "\(name)\n\(lab.log)")
        }
        #expect(
          lab.mounted
            == names.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
        #expect(lab.log == "")
        #expect(try server.requests("course").allSatisfy { !$0.signed })
      }
    }

    @Test func whatIsNotThereIsRefusedWithTheReason() throws {
      try add("good")
      try work.write("short.squash", try work.read(Self.file(of: "good", in: work)).dropLast(8192))
      try server.put("course", "images/short.squash", file: work.path("short.squash"))
      try AutomountSystemTests.withMountHelper {
        let lab = try lab()
        #expect(lab.access("nothing") == ENOENT)
        #expect(lab.log.contains("nothing: no such image in s3://course/images"), "\(lab.log)")
        #expect(lab.access("short") == ENOENT)
        #expect(
          lab.log.contains("short: s3://course/images/short.squash will not mount: the file is"),
          "\(lab.log)")
        // A bucket that is away is told in time, and needs nobody when it is back.
        try server.fail("course", [#""fault": "status", "status": 503"#])
        #expect(lab.access("good") == ENOENT)
        try server.control(#"{"clear": "/course/"}"#)
        #expect(eventually { lab.access("good") == 0 })
        let map = try lab.autosquash("map", "good")
        #expect(
          map.text
            == "-fstype=autosquash,ro,nosuid,nodev \":autosquash:s3://course/images/good.squash\"\n"
        )
      }
    }

    /// The list shows all names; a listed name is mounted without looking for it.
    @Test func listedNamesMount() throws {
      for name in ["a", "b c", "folder/x"] { try add(name) }
      try server.put("course", "images/notes.txt", file: "/etc/hostname")
      try AutomountSystemTests.withMountHelper {
        let lab = try lab(browses: true)
        let shown = try FileManager.default.contentsOfDirectory(atPath: lab.mountRoot).sorted()
        #expect(shown == ["a", "b c", "folder"])
        let before = try server.requests("course").count
        #expect(lab.id(Array("b c".utf8)) == "b c", "\(lab.log)")
        // The two of opening, of an image that has all in them.
        #expect(try server.requests("course").count == before + 2)
        #expect(lab.id(Array("folder/x".utf8)) == "folder/x", "\(lab.log)")
        // A new image works at once, and is listed by the next refresh.
        try add("new")
        #expect(lab.id(Array("new".utf8)) == "new", "\(lab.log)")
        let refresh = try lab.autosquash("refresh")
        #expect(refresh.text.contains("4 images listed"), "\(refresh.summary)")
        let images = try lab.autosquash("images")
        #expect(
          images.text.contains("new") && images.text.contains("mounted"), "\(images.summary)")
      }
    }

    @Test func unusedImagesAreUnmounted() throws {
      try add("a")
      try AutomountSystemTests.withMountHelper {
        let lab = try lab(timeout: 1)
        #expect(lab.id(Array("a".utf8)) == "a", "\(lab.log)")
        #expect(try !servers(of: lab).isEmpty)
        #expect(eventually { lab.mounted.isEmpty })
        #expect(try eventually { try servers(of: lab).isEmpty })
        #expect(lab.id(Array("a".utf8)) == "a", "\(lab.log)")
      }
    }

    /// What waits for the end of a mount must not look for it where autofs would mount it again.
    @Test func unusedImagesStayUnmounted() throws {
      let names = (0..<40).map { "image \($0)" }
      for name in names { try add(name) }
      try AutomountSystemTests.withMountHelper {
        let lab = try lab(timeout: 2)
        for name in names { #expect(lab.id(Array(name.utf8)) == name, "\(lab.log)") }
        let mounted = try server.requests("course").count
        #expect(try eventually { try lab.mounted.isEmpty && servers(of: lab).isEmpty })
        #expect(try server.requests("course").count == mounted)
      }
    }

    /// A process that dies takes its image along, no other, and not for long.
    @Test func aCrashTakesOneImage() throws {
      for name in ["a", "b"] { try add(name) }
      try AutomountSystemTests.withMountHelper {
        let lab = try lab()
        for name in ["a", "b"] { #expect(lab.id(Array(name.utf8)) == name, "\(lab.log)") }
        let holder = open("\(lab.mountRoot)/b/id", O_RDONLY)
        defer { close(holder) }
        let victims = try Tool.run(["pgrep", "-f", "--", "autosquash mount .*/a.squash"]).text
          .split(separator: "\n").compactMap { pid_t($0) }
        // The one that serves is the younger.
        kill(try #require(victims.max()), SIGKILL)
        #expect(eventually { lab.id(Array("a".utf8)) == "a" }, "\(lab.log)")
        var byte: UInt8 = 0
        #expect(pread(holder, &byte, 1, 0) == 1)
      }
    }

    /// With nobody left to unmount it, refresh does, although the kernel still knows the folder.
    @Test func refreshUnmountsWhatIsDead() throws {
      try add("a")
      try AutomountSystemTests.withMountHelper {
        let lab = try lab()
        #expect(lab.id(Array("a".utf8)) == "a", "\(lab.log)")
        try Tool.check(["stat", lab.mountRoot + "/a"])
        for process in try Tool.run(["pgrep", "-f", "--", "autosquash mount .*\(lab.mountRoot)/a"])
          .text.split(separator: "\n").compactMap({ pid_t($0) })
        { kill(process, SIGKILL) }
        #expect(eventually { lab.access("a") == ENOTCONN })
        let refresh = try lab.autosquash("refresh", "--recover")
        #expect(refresh.status == 0, "\(refresh.summary)")
        #expect(lab.id(Array("a".utf8)) == "a", "\(refresh.summary)\n\(lab.log)")
      }
    }

    /// An image in use survives a restart of the automounter.
    @Test(arguments: [false, true]) func theAutomounterMayRestart(byCrash: Bool) throws {
      for name in ["a", "b"] { try add(name) }
      try AutomountSystemTests.withMountHelper {
        let lab = try lab()
        let held = lab.mountRoot + "/a"
        #expect(lab.id(Array("a".utf8)) == "a", "\(lab.log)")
        let student = try Running(
          ["sh", "-c", "cd '\(held)' && exec sleep 60"].map { Array($0.utf8) })
        defer {
          kill(student.process, SIGKILL)
          _ = student.wait()
        }
        #expect(
          eventually {
            (try? FileManager.default.destinationOfSymbolicLink(
              atPath: "/proc/\(student.process)/cwd")) == held
          })
        if byCrash { lab.crash() } else { lab.stop() }
        try lab.start()
        let inside = try Tool.run(["cat", "/proc/\(student.process)/cwd/id"])
        #expect(inside.text == "a", "\(inside.summary)")
        #expect(lab.id(Array("b".utf8)) == "b", "\(lab.log)")
      }
    }

    @Test func manyAtOnce() throws {
      let names = (0..<40).map { "image \($0)" }
      for name in names { try add(name) }
      try AutomountSystemTests.withMountHelper {
        let lab = try lab(browses: true)
        let script =
          "ls -1 '\(lab.mountRoot)' | xargs -P 16 -d '\\n' -I {} cat '\(lab.mountRoot)/{}/id'"
        let result = try Tool.run(["sh", "-c", script])
        #expect(result.status == 0, "\(result.summary)\n\(lab.log)")
        #expect(lab.mounted.count == 40)
      }
    }

    /// A line of fstab, and mount(8) by hand.
    @Test func mountKnowsTheType() throws {
      try add("a")
      let point = work.path("point")
      try Tool.check(["mkdir", point])
      try AutomountSystemTests.withMountHelper {
        let source = "s3://course/images/a.squash"
        let mounted = try Tool.run(
          ["mount", "-t", "autosquash", source, point, "-o", "nosuid"],
          environment: server.environment)
        defer { _ = try? Tool.run(["umount", "-l", point]) }
        #expect(mounted.status == 0, "\(mounted.summary)")
        #expect(try Tool.check(["cat", point + "/id"]).text == "a")
        // Like every file system that root mounts, it is for all users.
        try Tool.check(["chmod", "755", work.root])
        let other = try Tool.run([
          "setpriv", "--reuid=65534", "--clear-groups", "cat", point + "/id",
        ])
        #expect(other.text == "a", "\(other.summary)")
        try Tool.check(["umount", point])
        let missing = try Tool.run(
          ["mount", "-t", "autosquash", "s3://course/images/none.squash", point],
          environment: server.environment)
        #expect(
          missing.status != 0 && missing.errors.contains("none.squash"), "\(missing.summary)")
      }
    }

    /// The name of the file behind an image that `add` has made.
    private static func file(of name: String, in work: TemporaryFolder) throws -> String {
      let names = try FileManager.default.contentsOfDirectory(atPath: work.root)
      return try #require(
        names.first { folder in
          folder.hasSuffix(".squash")
            && (try? work.read(folder.dropLast(7) + "/id")) == Array(name.utf8)
        })
    }
  }
}
