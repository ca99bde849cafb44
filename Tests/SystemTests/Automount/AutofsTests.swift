import Glibc
import Posix
import TestSupport
import Testing

extension AutomountSystemTests {
  /// Keys, folders, listings and many at once, with images on this machine.
  @Suite struct AutofsTests {
    @Test func everyNameMounts() throws {
      let lab = try AutofsLab()
      var names: [[UInt8]] = [
        "my tarball", "two  spaces", "it's", "\"quoted\"", "\"", "new\nline", "\n", "a\\b",
        "a\\\"b",
        "$HOME", "${HOME}", "$(id)", "`id`", "a:b:c", "host:path", "-fstype=ext4", "--help",
        "café", "中文", "🐧", "#x", "a #b", "*", "**", "&", "a&b", "+x",
        "+auto.master", "LABEL=x", "yp:x", "a,b", "tab\there", "\u{7f}", "a\rb", " lead", "trail ",
        String(repeating: "x", count: 248), "data.squash", "data.img", "%41", "~", "!", "(x)",
        "[a]",
        "a\\040b", "@include", "/dev".replacing("/", with: "_"),
      ].map { Array($0.utf8) }
      names += [[0xff], [0xc3], [0x61, 0xe9, 0x62], [0x01], [0x80, 0x22, 0x0a, 0x5c]]
      for (index, name) in names.enumerated() { try lab.add(name, id: "image \(index)") }
      for (index, name) in names.enumerated() {
        #expect(lab.id(name) == "image \(index)", "\(name.escapedName)\n\(lab.log)")
      }
      #expect(lab.mounted == names.sorted { $0.lexicographicallyPrecedes($1) })
      #expect(lab.log == "")
    }

    @Test func namesThatAreNoneAreRefused() throws {
      let lab = try AutofsLab()
      try lab.add(Array("x".utf8), id: "")
      for name in [".x", ".git", ".git/config"] {
        try lab.add(Array(name.utf8), id: "")
        #expect(lab.access(name) == ENOENT)
      }
      #expect(lab.log == "")
      #expect(lab.access("y") == ENOENT)
      #expect(lab.access(String(repeating: "x", count: 255)) == ENOENT)
      #expect(lab.access(String(repeating: "x", count: 256)) == ENAMETOOLONG)
      try Tool.check(
        ["sh", "-c", "cp x.squash ../out.squash; ln -s ../out.squash l.squash"], in: lab.images)
      #expect(lab.access("l") == ENOENT)
      #expect(
        lab.log.contains("l: \(lab.images)/l.squash is a link that leads out of"), "\(lab.log)")
    }

    @Test func foldersAreLevels() throws {
      let lab = try AutofsLab(timeout: 2)
      for (index, name) in [
        "a", "course 1/week\t1/dé $x/data", "course 1/week\t1.squash/y", "both", "both/in",
      ]
      .enumerated() {
        try lab.add(Array(name.utf8), id: "\(index)")
      }
      #expect(lab.id(Array("course 1/week\t1/dé $x/data".utf8)) == "1")
      #expect(lab.id(Array("a".utf8)) == "0")
      #expect(lab.id(Array("both".utf8)) == "3")
      // An image wins over a folder of the same name.
      #expect(lab.access("both/in") == ENOENT)
      #expect(lab.access("course 1/nope") == ENOENT)
      #expect(lab.log.contains("nope: no such image in \(lab.images)/course 1"))
      // The same name on another level is another image, or none.
      #expect(lab.access("course 1/a") == ENOENT)
      // A crash in between loses nothing, and later all levels go away.
      lab.crash()
      #expect(lab.id(Array("course 1/week\t1/dé $x/data".utf8)) == "1")
      try lab.start()
      #expect(lab.id(Array("course 1/week\t1/dé $x/data".utf8)) == "1")
      #expect(lab.id(Array("a".utf8)) == "0")
      #expect(try eventually { try lab.mounted.isEmpty && lab.loopDevices() == 0 }, "\(lab.log)")
      #expect(eventually { !mountTable().contains("\(lab.mountRoot)/course") })
    }

    @Test func namesAreListedBeforeTheyAreUsed() throws {
      let lab = try AutofsLab(timeout: 2, browses: true)
      #expect(try Tool.check(["ls", lab.mountRoot]).text == "")
      for name in ["a", "my tarball", "é", "-x", "#x", "c:d", "course1/week1/data", "course1/x"] {
        try lab.add(Array(name.utf8), id: name)
      }
      try lab.add(Array("quote\"d".utf8), id: "quote")
      try lab.add([0xff, 0x41], id: "bytes")
      try Tool.check(["sh", "-c", "head -c 300 a.squash > cut.squash"], in: lab.images)
      let refreshed = try lab.autosquash("refresh")
      #expect(refreshed.text == "9 images listed; autofs reloaded\n", "\(refreshed.summary)")
      #expect(refreshed.errors.contains("cut.squash: warning: left out: its end is not padded"))
      func listing(_ folder: String = "") throws -> [String] {
        try Tool.check(["env", "LC_ALL=C", "ls", "-1", "--escape", "\(lab.mountRoot)/\(folder)"])
          .text
          .split(separator: "\n").map(String.init).sorted()
      }
      let expected = ["#x", "-x", "\\377A", "a", "c:d", "course1", "my\\ tarball", "\\303\\251"]
      #expect(try eventually { try listing() == expected.sorted() })
      try Tool.check(["ls", "-l", lab.mountRoot])
      #expect(lab.mounted == [])
      #expect(try listing("course1") == ["week1", "x"])
      #expect(try listing("course1/week1") == ["data"])
      for name in ["a", "my tarball", "é", "-x", "#x", "c:d", "course1/week1/data", "course1/x"] {
        #expect(lab.id(Array(name.utf8)) == name, "\(lab.log)")
      }
      #expect(lab.id([0xff, 0x41]) == "bytes")
      // Names that no list can hold, and newer ones, work through the program.
      #expect(lab.id(Array("quote\"d".utf8)) == "quote")
      try lab.add(Array("new".utf8), id: "new")
      try lab.add(Array("course1/new".utf8), id: "new 1")
      try lab.add(Array("course2/new".utf8), id: "new 2")
      #expect(lab.id(Array("new".utf8)) == "new")
      #expect(lab.id(Array("course1/new".utf8)) == "new 1")
      #expect(lab.id(Array("course2/new".utf8)) == "new 2")
      #expect(lab.access("nope") == ENOENT)
      #expect(lab.log.hasSuffix(">> autosquash-map: nope: no such image in \(lab.images)\n"))
      #expect(try lab.autosquash("refresh").text == "12 images listed; autofs reloaded\n")
      #expect(
        try eventually {
          try lab.autosquash("refresh").text == "12 images listed; nothing changed\n"
        })
      // Removed names disappear once they are unused.
      try Tool.check(["rm", "new.squash", "course1/x.squash"], in: lab.images)
      #expect(eventually { lab.mounted.isEmpty })
      #expect(try lab.autosquash("refresh").status == 0)
      #expect(try eventually { try !listing().contains("new") })
      // An unreadable bucket must not make anybody wait: the lists name nothing then.
      try Tool.check(["mv", lab.images, lab.images + "-away"])
      let lost = try lab.autosquash("refresh")
      #expect(lost.status == 2 && lost.errors.contains("is the bucket mounted?"))
      #expect(try eventually { try listing() == [] })
      #expect(lab.access("a") == ENOENT)
      #expect(lab.log.contains("a: cannot read \(lab.images): No such file or directory; is"))
      try Tool.check(["mv", lab.images + "-away", lab.images])
      #expect(try lab.autosquash("refresh").status == 0)
      #expect(try eventually { try listing().contains("a") })
    }

    /// autofs 5.1.8 would never finish reading maps that name a folder mounted by the program.
    @Test func aFolderInUseIsListedLater() throws {
      let lab = try AutofsLab(timeout: 2, browses: true)
      try lab.add(Array("a".utf8), id: "a")
      try lab.add(Array("b".utf8), id: "b")
      #expect(lab.access("zed") == ENOENT)
      #expect(try lab.autosquash("refresh").status == 0)
      try lab.add(Array("course/x".utf8), id: "x")
      #expect(lab.id(Array("course/x".utf8)) == "x")
      let held = open("\(lab.mountRoot)/course/x/id", O_RDONLY | O_CLOEXEC)
      #expect(held >= 0)
      #expect(try lab.autosquash("refresh").status == 0)
      try Tool.check(["rm", "b.squash"], in: lab.images)
      // Requested just before it is listed, in vain.
      try lab.add(Array("zed".utf8), id: "zed")
      #expect(try lab.autosquash("refresh").status == 0)
      #expect(lab.id(Array("course/x".utf8)) == "x")
      #expect(lab.id(Array("a".utf8)) == "a")
      func listing(_ folder: String = "") throws -> [String] {
        try Tool.check(["ls", "-1", "\(lab.mountRoot)/\(folder)"]).text
          .split(separator: "\n").map(String.init)
      }
      #expect(try eventually { try listing() == ["a", "course", "zed"] })
      let line = try SmallFile.read(HostPath("/proc/\(lab.daemon!.process)/stat"), limit: 4096)
      let ticks = Int(
        String(decoding: line, as: UTF8.self).split(separator: " ").dropFirst(13).first ?? "")
      #expect(ticks! < 10 * sysconf(Int32(_SC_CLK_TCK)), "the automounter is in a loop")
      close(held)
      // Once unused it is listed, with its contents.
      let list = lab.folder.path("state/maps/top")
      #expect(
        try eventually {
          try lab.autosquash("refresh").status == 0
            && String(decoding: SmallFile.read(HostPath(list), limit: 1 << 20), as: UTF8.self)
              .contains("\n\"course\" -fstype=autofs,browse file:")
        })
      #expect(try eventually { try listing("course") == ["x"] })
      #expect(lab.mounted == [])
    }

    @Test func theCatalogue() throws {
      let lab = try AutofsLab()
      try lab.add(Array("used".utf8), id: "")
      try lab.add(Array("course1/idle".utf8), id: "")
      try Tool.check(["sh", "-c", "echo nothing > odd\\\\name.img"], in: lab.images)
      #expect(lab.access("used") == 0)
      let list = try lab.autosquash("images")
      let lines = list.text.split(separator: "\n").map(String.init)
      #expect(lines.count == 4 && list.status == 0, "\(list.summary)")
      #expect(lines[0].split(separator: " ") == ["NAME", "SIZE", "DATE", "TYPE", "STATE"])
      #expect(
        lines[1].hasPrefix("odd\\\\name ")
          && lines[1].hasSuffix(
            "will not mount: only 8 bytes, too short for an image; upload it again")
      )
      #expect(lines[2].hasPrefix("used ") && lines[2].hasSuffix("xz    mounted"))
      #expect(lines[3].hasPrefix("course1/idle ") && lines[3].hasSuffix("xz    ok"))
      let json = try lab.autosquash("images", "--json")
      #expect(
        json.text.contains(#""name": "course1/idle", "file": "course1/idle.squash", "size": 4096"#))
      #expect(json.text.contains(#""mounted": true, "healthy": true, "problem": """#))
    }

    @Test func manyAtOnce() throws {
      let lab = try AutofsLab(timeout: 300)
      try lab.add(Array("0".utf8), id: "many")
      try Tool.check(
        ["sh", "-c", "for i in $(seq 1 299); do cp 0.squash $i.squash; done"], in: lab.images)
      func at(_ keys: [Int], processes: Int) throws -> [String] {
        let names = keys.map { "\(lab.mountRoot)/\($0)/id\n" }.joined()
        return try Tool.check(
          ["xargs", "-n", "1", "-P", "\(processes)", "cat"], input: Array(names.utf8)
        ).text.split(separator: "y").map(String.init)
      }
      // First accesses at the same time: fifty to one name, then one each to fifty.
      #expect(try at([Int](repeating: 0, count: 50), processes: 50).count == 50)
      #expect(lab.mounted.count == 1)
      #expect(try at(Array(1...50), processes: 50).count == 50)
      #expect(lab.mounted.count == 51)
      // More than two hundred mounted together.
      #expect(try at(Array(51...299), processes: 8).count == 249)
      #expect(lab.mounted.count == 300)
      #expect(try lab.loopDevices() == 300)
      #expect(lab.log == "")
      // All disappear when the automounter stops.
      lab.stop()
      #expect(try eventually { try lab.mounted.isEmpty && lab.loopDevices() == 0 })
    }

    /// Three hundred mounts and expiries: no loop device stays behind.
    @Test func nothingLeaks() throws {
      let lab = try AutofsLab(timeout: 1)
      for name in 0..<30 { try lab.add(Array("\(name)".utf8), id: "\(name)") }
      for round in 1...10 {
        for name in 0..<30 { #expect(lab.id(Array("\(name)".utf8)) == "\(name)", "\(round)") }
        #expect(eventually { lab.mounted.isEmpty }, "round \(round): \(lab.mounted.count) are left")
      }
      #expect(try eventually { try lab.loopDevices() == 0 })
      #expect(lab.log == "")
    }

    @Test func aCrashOfTheAutomounterLosesNothing() throws {
      let lab = try AutofsLab(timeout: 2)
      try lab.add(Array("busy".utf8), id: "busy")
      try lab.add(Array("idle".utf8), id: "idle")
      #expect(lab.id(Array("busy".utf8)) == "busy" && lab.id(Array("idle".utf8)) == "idle")
      let descriptor = open("\(lab.mountRoot)/busy/id", O_RDONLY | O_CLOEXEC)
      #expect(descriptor >= 0)
      defer { close(descriptor) }
      lab.crash()
      #expect(lab.id(Array("busy".utf8)) == "busy")
      try lab.start()
      #expect(lab.id(Array("busy".utf8)) == "busy")
      #expect(eventually { lab.mounted == [Array("busy".utf8)] }, "\(lab.mounted)")
      #expect(eventually { lab.id(Array("idle".utf8)) == "idle" })
    }

    @Test func programsOfFUSEMountWhereLoopDevicesAreNot() throws {
      let lab = try AutofsLab(timeout: 300, settings: "fstype = fuse.squashfuse")
      try lab.add(Array("my tarball".utf8), id: "fuse")
      #expect(lab.id(Array("my tarball".utf8)) == "fuse", "\(lab.log)")
      let student = try Tool.run([
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat",
        "\(lab.mountRoot)/my tarball/id",
      ])
      #expect(student.text == "fuse", "\(student.summary)")
      #expect(try lab.loopDevices() == 0)
      #expect(try lab.autosquash("images").text.contains("mounted"))
      #expect(
        try lab.autosquash("doctor").text.contains("ok    kernel: squashfuse mounts the images"))
    }
  }
}
