import CFuse
import Glibc
import Posix
import SquashFS
import SquashFSFormat
import Synchronization

extension MountedImage {
  /// Answers with bytes of a file; fewer than asked for only at its end.
  func read(_ request: Request, _ node: UInt64, size: Int, offset: Int64) {
    guard offset >= 0 else { return request.fail(EINVAL) }
    let start = UInt64(offset)
    answer(request, node) { [self] (image) throws(ImageReadError) in
      let file = try file(node, image)
      guard start < file.size else { return { request.reply([]) } }
      let range = start..<min(file.size, start + UInt64(min(max(0, size), Self.mostBytes)))
      let answer = try self.answer(range, of: file, image)
      readAhead(of: file, after: range, image)
      return { [self] in send(answer, to: request, node) }
    }
  }

  /// A regular file, from the table of those read lately or from the image.
  private func file(_ node: UInt64, _ image: Image) throws(ImageReadError) -> MountedFile {
    let number = NodeNumber(rawValue: node)
    if let file = files.file(number) { return file }
    return files.add(MountedFile(try BlockIndex(try inode(node, image), of: image)), number)
  }

  /// The pieces of blocks with a range of a file.
  private func answer(
    _ range: Range<UInt64>, of file: MountedFile, _ image: Image
  ) throws(ImageReadError) -> ReadAnswer {
    var answer = ReadAnswer()
    for part in try file.parts(range, image) {
      let own = part.offset..<part.offset + UInt64(part.part.size)
      let wanted = range.clamped(to: own)
      let first = Int(wanted.lowerBound - part.offset)
      let end = Int(wanted.upperBound - part.offset)
      switch part.part {
      case .hole: answer.addZeros(end - first)
      case .block(let place, let size): answer.addBytes(first..<end, of: place, size: size)
      case .tail(let fragment, let offset, _):
        answer.addBytes(
          offset + first..<offset + end, of: try image.fragment(fragment), size: nil)
      }
    }
    return answer
  }

  private func send(_ answer: ReadAnswer, to request: Request, _ node: UInt64) {
    if let blocks = cache.ready(answer.places) {
      do throws(ImageReadError) { try answer.send(blocks, to: request) } catch {
        fail(request, error, node: node)
      }
      return
    }
    let read = PendingRead(request, answer) { [log] in log.note($0) }
    if read.begin() { unpackers.unpack(read.claimBlocks(cache)) }
  }

  /// Has what a reader will want next unpacked by other threads.
  private func readAhead(of file: MountedFile, after range: Range<UInt64>, _ image: Image) {
    let isDistant = input.wantsHints
    let next = file.pattern.withLock {
      $0.note(
        range, smallest: file.blockSize,
        largest: max(2 * file.blockSize, isDistant ? 8 << 20 : 512 << 10), size: file.size)
    }
    guard let next, let parts = try? file.parts(next, image) else { return }
    for part in parts where part.offset >= range.upperBound {
      let place: BlockPlace
      switch part.part {
      case .hole: continue
      case .block(let block, _): place = block
      case .tail(let fragment, _, _):
        guard let block = try? image.fragment(fragment) else { continue }
        place = block
      }
      if isDistant { input.willRead(place.start..<place.start + UInt64(place.stored.byteCount)) }
      unpackers.unpackAhead(place)
    }
  }

  /// Answers where the next hole is, or the next data.
  func seek(_ request: Request, _ node: UInt64, offset: Int64, whence: Int32) {
    let isHole = whence == SEEK_HOLE
    guard isHole || whence == SEEK_DATA else { return request.fail(EINVAL) }
    answer(request, node) { [self] (image) throws(ImageReadError) in
      let file = try file(node, image)
      guard offset >= 0, UInt64(offset) < file.size else { return { request.fail(ENXIO) } }
      let found = try file.next(isHole: isHole, from: UInt64(offset), image)
      // The end of a file counts as a hole.
      guard let found = found ?? (isHole ? file.size : nil) else { return { request.fail(ENXIO) } }
      return { cfuse_reply_offset(request.pointer, Int64(clamping: found)) }
    }
  }
}
