import Foundation
import TestSupport
import Testing

/// The recipe in docs/software.md, word for word.
@Suite(.enabled(if: SystemTests.canMount)) struct SoftwareTests {
  @Test func virtualEnvironmentsRunWhereTheyAreMounted() throws {
    let page = try String(
      contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../docs/software.md"), encoding: .utf8)
    let section = try #require(page.split(separator: "\n## ").first { $0.hasPrefix("Python") })
    let recipe = section.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }.joined(separator: "\n")
    try #require(recipe.contains("unshare") && recipe.hasSuffix("autosquash pack tools"))
    let folder = try TemporaryFolder()
    try folder.write("requirements.txt", [])
    try folder.write("recipe", Array(recipe.utf8))
    try Tool.check(
      [
        "bash", "-ec",
        """
        autosquash() { '\(Tool.autosquash)' "$@"; }
        . ./recipe
        """,
      ], in: folder.root)
    let ran = try Tool.check(
      [
        "unshare", "--mount", "sh", "-ec",
        """
        mount -t tmpfs tmpfs /mnt
        mkdir -p /mnt/autosquash/tools
        mount -o loop,ro tools.squash /mnt/autosquash/tools
        /mnt/autosquash/tools/bin/pip --version
        """,
      ], in: folder.root)
    #expect(ran.text.contains("from /mnt/autosquash/tools/lib/"), "\(ran.summary)")
  }
}
