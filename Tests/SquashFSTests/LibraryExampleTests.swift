import Foundation
import TestSupport
import Testing

/// The programs of `Examples/Library`, built as a package of their own that depends on this one.
@Suite struct LibraryExampleTests {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// Builds them next to the tests, so that a second run finds them built.
  private func build() throws -> String {
    let scratch = Self.root + "/.build/examples"
    try Tool.check([
      "swift", "build", "--package-path", Self.root + "/Examples/Library", "--scratch-path",
      scratch,
      "-q",
    ])
    return scratch + "/debug/"
  }

  @Test func bothDoWhatTheySay() throws {
    let programs = try build()
    let folder = try TemporaryFolder()
    let image = folder.path("i.squash")
    #expect(try Tool.check([programs + "make-image", image]).text == "6 inodes; whole\n")

    let names = try Tool.check(["unsquashfs", "-l", "-d", "", image]).text
      .split(separator: "\n").filter { $0.count > 1 }.map { $0.dropFirst() }.sorted()
    let listed = try Tool.check([programs + "list-image", image]).text
    #expect(listed.split(separator: "\n").sorted() == names)
    #expect(names.contains("docs/numbers"))
    for file in ["docs/readme.txt", "docs/numbers", "copy"] {
      let expected = try Tool.check(["unsquashfs", "-cat", image, file]).output
      #expect(try Tool.check([programs + "list-image", image, file]).output == expected)
      #expect(!expected.isEmpty)
    }
    let missing = try Tool.run([programs + "list-image", image, "none"])
    #expect(missing.status == 1)
    #expect(missing.errors == "\(image): none: the image has no regular file of this path\n")
  }
}
