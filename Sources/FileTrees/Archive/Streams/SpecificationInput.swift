/// An mtree(5) specification with a newline at its end: libarchive drops a last line without one.
package final class SpecificationInput: ByteInput {
  private let input: any ByteInput
  private var isOver = false
  private let newline = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)

  package init(_ input: any ByteInput) {
    self.input = input
    newline[0] = UInt8(ascii: "\n")
  }

  deinit { newline.deallocate() }

  package var position: Int64 { input.position + (isOver ? 1 : 0) }

  package func next() throws -> UnsafeRawBufferPointer {
    let bytes = isOver ? UnsafeRawBufferPointer(start: nil, count: 0) : try input.next()
    if isOver || !bytes.isEmpty { return bytes }
    isOver = true
    return UnsafeRawBufferPointer(newline)
  }
}
