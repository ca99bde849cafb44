import SquashFSFormat
import Testing

@testable import ImageMount

@Suite struct NodeNumberTests {
  private static let root = MetadataReference(blockStart: 77, offset: 1234)

  @Test(arguments: [
    MetadataReference(rawValue: 0), MetadataReference(rawValue: 1), MetadataReference(rawValue: 2),
    MetadataReference(blockStart: 0, offset: 0xffff), root,
    MetadataReference(blockStart: UInt64(UInt32.max), offset: 0xffff),
  ])
  func isReversible(reference: MetadataReference) throws {
    let node = try #require(NodeNumber(reference, root: Self.root))
    #expect(node.reference(root: Self.root) == reference)
    // 0 means none to the kernel, 1 the root.
    #expect(node.rawValue != 0)
    #expect((node.rawValue == 1) == (reference == Self.root))
  }

  @Test func theRootMayBeAnywhere() throws {
    let root = MetadataReference(rawValue: .max)
    #expect(NodeNumber(root, root: root)?.rawValue == 1)
    #expect(NodeNumber(rawValue: 1).reference(root: root) == root)
  }

  @Test(arguments: [0, (1 << 48) + 2, .max] as [UInt64])
  func otherNumbersMeanNothing(number: UInt64) {
    #expect(NodeNumber(rawValue: number).reference(root: Self.root) == nil)
  }

  @Test func placesThatNoEntryNamesHaveNone() {
    #expect(NodeNumber(MetadataReference(rawValue: 1 << 48), root: Self.root) == nil)
  }
}
