import TestSupport

/// A small overlay and a tree for its links.
protocol OverlaySuite {
  var folder: TemporaryFolder { get }
}

extension OverlaySuite {
  static func makeFolder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try Tool.check(
      [
        "sh", "-ec",
        """
        mkdir -p over/home/training/my_course over/etc root/home/training
        echo genome > over/home/training/my_course/genome.fa
        echo reads > over/home/training/my_course/reads.fq
        echo top > over/top
        """,
      ], in: folder.root)
    return folder
  }

  @discardableResult
  func sh(_ script: String) throws -> String {
    try Tool.check(["sh", "-ec", script], in: folder.root).text
  }

  func overlay(_ arguments: String...) throws -> Tool.Result {
    try Tool.run(
      [
        Tool.autosquash, "overlay", arguments[0], "--overlay", folder.path("over"), "--root",
        folder.path("root"),
      ] + arguments.dropFirst())
  }

  /// What is at a path: a link's text with the overlay as `O`, or the kind of file.
  func look(_ path: String) throws -> String {
    try sh(
      """
      cd root; if [ -L '\(path)' ]; then readlink '\(path)'; elif [ -e '\(path)' ]; then \
      stat -c %F '\(path)'; else echo nothing; fi
      """
    ).replacing(folder.path("over"), with: "O").replacing("\n", with: "")
  }
}
