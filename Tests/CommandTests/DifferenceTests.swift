import Foundation
import TestSupport
import Testing

/// The output of `diff` and `verify` for many differences: the few that matter are visible.
@Suite struct DifferenceTests {
  /// 134 files and directories in `a`, and the same in `b`.
  private static let trees = """
    mkdir -p a/data/old a/lib; echo text > a/README
    for i in $(seq 100 199); do echo $i > a/lib/$i; done
    for i in $(seq 10 38); do echo $i > a/data/old/$i; done
    find a -exec touch -d @1000000000 {} +; cp -a a b
    """
  /// Resets the times of directories, which changes in them have set.
  private static let settle = "; find b -type d -exec touch -d @1000000000 {} +"

  struct Case: Sendable {
    /// The change to `b`.
    var change: String
    var options: [String] = []
    /// The complete output.
    var output: String
  }

  static let cases: [Case] = [
    Case(
      change: "chown -R 1003:1004 b",
      output: """
        all: owner 0:0 -> 1003:1004 (--ignore owner leaves it out)
        134 differences: 134 of the 134 that both have differ

        """),
    Case(
      change: """
        chown -R 1003:1004 b; echo new >> b/README; touch -d @1000000000 b/README
        chown 7:7 b/lib/150; chown 0:0 b/lib/151; rm -r b/data/old; mkdir b/empty; echo > b/new
        """ + settle,
      output: """
        102 of 104: owner 0:0 -> 1003:1004 (--ignore owner leaves it out)
        ~ README: size 5 -> 9, content
        + empty/
        + new
        - data/old/: 30 files and directories
        ~ lib/150: owner 0:0 -> 7:7
        135 differences: 103 of the 104 that both have differ, 2 of them in other ways; \
        30 are only in a; 2 are only in b

        """),
    // A single one, without the option that ignores it, is listed.
    Case(
      change: "chown -R 1003:1004 b; chmod 600 b/README", options: ["--ignore", "owner"],
      output: """
        ~ README: mode 0644 -> 0600
        1 difference: 1 of the 134 that both have differs

        """),
    // All files, but not the directories.
    Case(
      change: "chmod -R g+w b",
      output: """
        130 of 134: mode 0644 -> 0664 (--ignore mode leaves it out)
        ~ /: mode 0755 -> 0775
        ~ data: mode 0755 -> 0775
        ~ lib: mode 0755 -> 0775
        ~ data/old: mode 0755 -> 0775
        134 differences: 134 of the 134 that both have differ, 4 of them in other ways

        """),
    Case(
      change: "find b -exec touch -d @1000007200 {} +",
      output: """
        all: time 2001-09-09T01:46:40Z -> 2001-09-09T03:46:40Z (--ignore mtime leaves it out)
        134 differences: 134 of the 134 that both have differ

        """),
    // Another time zone: each file has its own time.
    Case(
      change: """
        for i in $(seq 100 199); do touch -d @100$i a/lib/$i; touch -d @$((100$i - 5400)) b/lib/$i; done
        for i in $(find a ! -path 'a/lib/*'); do
          touch -d @999994600 "b${i#a}"
        done
        """,
      output: """
        all: time 90 minutes earlier (--ignore mtime leaves it out)
        134 differences: 134 of the 134 that both have differ

        """),
    // Copied without the times.
    Case(
      change: "n=0; find b | while read -r i; do n=$((n + 7)); touch -d @$n \"$i\"; done",
      output: """
        all: time, in different ways (--ignore mtime leaves it out)
        134 differences: 134 of the 134 that both have differ

        """),
    Case(
      change: "find b -exec setfattr -n user.a -v b {} +; chown -R 1:1 b",
      output: """
        all: owner 0:0 -> 1:1 (--ignore owner leaves it out)
        all: attributes +user.a (--ignore xattrs leaves it out)
        134 differences: 134 of the 134 that both have differ

        """),
    // Contents are what users look for: each is listed.
    Case(
      change: """
        rm -r a/* b/*; for i in 1 2 3; do echo a > a/$i; echo b > b/$i; done
        touch -d @1 a a/* b b/*
        """,
      output: """
        ~ 1: content
        ~ 2: content
        ~ 3: content
        3 differences: 3 of the 4 that both have differ

        """),
    // Two owners of 20: exactly nine tenths, not more.
    Case(
      change: """
        rm -r a/* b/*; for i in $(seq 10 28); do echo > a/$i; done; cp -a a/. b; chown -R 5:5 b
        chown 0:0 b/10 b/11; touch -d @1 a a/* b b/*
        """,
      output: (["/"] + (12...28).map(String.init)).map { "~ \($0): owner 0:0 -> 5:5\n" }.joined()
        + "18 differences: 18 of the 20 that both have differ\n"),
    // Other trees.
    Case(
      change: "rm -r b/*; mkdir -p b/x/y/z; echo > b/x/f; echo > b/README.txt" + settle,
      output: """
        - README
        + README.txt
        - data/: 31 files and directories
        - lib/: 101 files and directories
        + x/: 4 files and directories
        138 differences: 133 are only in a; 5 are only in b

        """),
    // A directory became a file.
    Case(
      change: "mkdir a/lib/sub; echo > a/lib/sub/f; rm -r b/lib/* b/lib; echo > b/lib; "
        + "touch -d @1000000000 a/lib b/lib b" + settle, options: ["--ignore", "mode"],
      output: "~ lib: type dir -> file\n" + (100...199).map { "- lib/\($0)\n" }.joined()
        + """
        - lib/sub/: 2 files and directories
        103 differences: 1 of the 34 that both have differs; 102 are only in a

        """),
    Case(
      change: "rm -r a/lib b/lib; chown -R 1:1 b; rm -r b/data/old/2* b/data/old/3* b/data/old/1*; "
        + "rmdir b/data/old; touch -d @1000000000 a" + settle,
      options: ["--all", "--ignore", "mode"],
      output: "~ /: owner 0:0 -> 1:1\n~ README: owner 0:0 -> 1:1\n~ data: owner 0:0 -> 1:1\n"
        + "- data/old/\n" + (10...38).map { "- data/old/\($0)\n" }.joined()
        + "33 differences: 3 of the 3 that both have differ; 30 are only in a\n"),
  ]

  private func makeTrees(_ change: String) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try Tool.check(["sh", "-ec", "\(Self.trees)\n\(change)"], in: folder.root)
    return folder
  }

  @Test(arguments: 0..<cases.count) func differencesAreSummarized(number: Int) throws {
    let test = Self.cases[number]
    let folder = try makeTrees(test.change)
    let result = try Tool.run([Tool.autosquash, "diff", "a", "b"] + test.options, in: folder.root)
    #expect(result.status == 1 && result.text == test.output, "\(result.summary)")
    // Programs get each of them, as many as the last line says.
    let json = try Tool.run(
      [Tool.autosquash, "diff", "a", "b", "--json"] + test.options, in: folder.root)
    let list = try JSONSerialization.jsonObject(with: Data(json.output)) as? [[String: Any]]
    let last = try #require(result.text.split(separator: "\n").last)
    #expect(list.map { last.hasPrefix("\($0.count) difference") } == true, "\(json.text)")
  }

  /// The same words, after the image's name.
  @Test func verifySaysItAlike() throws {
    let folder = try makeTrees(
      "chown -R 1003:1004 b; rm -r b/data/old; echo > b/lib/150; touch -d @1000000000 b/lib/150"
        + Self.settle)
    let options = ["--ownership", "keep", "-q"]
    try Tool.check([Tool.autosquash, "pack", "b"] + options, in: folder.root)
    try Tool.check(
      [Tool.autosquash, "manifest", "a", "-o", "a.mtree", "--ownership", "keep"], in: folder.root)
    for (option, other, advice) in [
      ("--against", "a", " (was it packed with another --ownership? Give it here too)"),
      ("--manifest", "a.mtree", ""),
    ] {
      let keeps = option == "--against" ? ["--ownership", "keep"] : []
      let result = try Tool.run(
        [Tool.autosquash, "verify", "b.squash", option, other] + keeps, in: folder.root)
      let expected = """
        b.squash: all: owner 1003:1004 -> 0:0\(advice)
        b.squash: + data/old/: 30 files and directories
        b.squash: ~ lib/150: size 1 -> 4, content
        b.squash: whole, but differs from \(other): 134 differences (104 of the 104 that both have differ, 1 of them in other ways; 30 are only in \(other)), 
        """
      #expect(result.status == 1 && result.text.hasPrefix(expected), "\(result.summary)")
    }
    // Equal to one, different from the other.
    let both = try Tool.run(
      [Tool.autosquash, "verify", "b.squash", "--against", "b", "--manifest", "a.mtree"]
        + ["--ownership", "keep"], in: folder.root)
    #expect(
      both.text.contains(
        "b.squash: whole, and equal to b, but differs from a.mtree: 134 differences ("),
      "\(both.summary)")
    let json = try Tool.autosquash(
      "verify", "b.squash", "--manifest", "a.mtree", "--json", in: folder.root)
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output)) as? [String: Any])
    #expect(report["differences"] as? Int == 134 && report["errors"] as? Int == 0)
    #expect(report["whole"] as? Bool == true && report["result"] as? String == "different")
    #expect((report["findings"] as? [Any])?.count == 50)
  }

  /// An entry only in the image gets "-", whichever command compares.
  @Test func verifyAndDiffAgree() throws {
    let folder = try makeTrees("rm a/README; rm b/lib/150; echo > b/lib/151" + Self.settle)
    try Tool.check([Tool.autosquash, "pack", "a", "-q"], in: folder.root)
    let arguments = ["--ownership", "keep", "--mtime", "@1000000000"]
    try Tool.check([Tool.autosquash, "pack", "b", "-q"] + arguments, in: folder.root)
    let diff = try Tool.autosquash(
      "diff", "a.squash", "b.squash", "--ignore", "mtime", in: folder.root)
    let verify = try Tool.run(
      [Tool.autosquash, "verify", "a.squash", "--against", "b.squash"], in: folder.root)
    #expect(
      diff.text == """
        + README
        - lib/150
        ~ lib/151: size 4 -> 1, content
        3 differences: 1 of the 132 that both have differs; 1 is only in a.squash; 1 is only in b.squash

        """, "\(diff.text)")
    for line in diff.text.split(separator: "\n").prefix(2) {
      #expect(verify.text.contains("a.squash: \(line)\n"), "\(verify.text)")
    }
    #expect(verify.text.contains("a.squash: ~ lib/151: size 4 -> 1, content"), "\(verify.text)")
    let json = try Tool.autosquash(
      "verify", "a.squash", "--against", "b.squash", "--json", in: folder.root)
    #expect(json.text.contains(#""path": "README", "message": "missing: it is in b.squash""#))
    #expect(json.text.contains(#""path": "lib/150", "message": "not in b.squash""#), "\(json.text)")
  }

  /// Findings about the image are kept.
  @Test func aSourceThatCannotBeReadIsNamed() throws {
    let folder = try makeTrees("")
    try Tool.check([Tool.autosquash, "pack", "a", "-q"], in: folder.root)
    let result = try Tool.autosquash(
      "verify", "a.squash", "--against", "gone", "--json", in: folder.root)
    #expect(
      result.status == 2
        && result.errors == "autosquash: gone: cannot open: No such file or directory\n")
    #expect(
      result.text == #"{"image": "a.squash", "whole": true, "result": "not compared", "#
        + #""source": "gone", "message": "gone: cannot open: No such file or directory"}"# + "\n",
      "\(result.summary)")
  }

  /// Lines beyond the limit are counted.
  @Test func verifyStopsAtTheLimit() throws {
    let folder = try makeTrees("for i in $(seq 100 169); do echo x > b/lib/$i; done")
    try Tool.check([Tool.autosquash, "pack", "a", "-q"], in: folder.root)
    let result = try Tool.autosquash(
      "verify", "a.squash", "--against", "b", "--max-findings", "3", in: folder.root)
    let lines = result.text.split(separator: "\n")
    #expect(lines.count == 5, "\(result.summary)")
    #expect(lines[3] == "a.squash: 67 more findings; --max-findings 70 shows all", "\(result.text)")
    let all = try Tool.autosquash(
      "verify", "a.squash", "--against", "b", "--max-findings", "70", in: folder.root)
    #expect(all.text.split(separator: "\n").count == 71, "\(all.summary)")
  }
}
