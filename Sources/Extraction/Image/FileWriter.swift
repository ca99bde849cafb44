import Posix
import SquashFS
import SquashFSFormat

/// Reads, unpacks and writes pieces of files on one thread.
final class FileWriter {
  private let unpacker: BlockUnpacker
  private let fragments: FragmentCache
  private let state: ExtractionState
  private let keepsGoing: Bool
  private let buffer: UnsafeMutableRawBufferPointer
  /// Where the image starts in its file.
  private let base: UInt64

  init(
    _ image: Image, _ fragments: FragmentCache, _ state: ExtractionState, keepsGoing: Bool
  ) throws {
    unpacker = try image.makeUnpacker()
    self.fragments = fragments
    self.state = state
    self.keepsGoing = keepsGoing
    base = image.input.base
    buffer = .allocate(byteCount: image.superblock.blockSize.byteCount, alignment: 64)
  }

  deinit { buffer.deallocate() }

  func write(_ parts: [FileJob.Part], of job: FileJob) {
    defer { job.endPiece(state) }
    for part in parts {
      if state.isStopped || Interruption.isRequested { return job.abandon() }
      do {
        try write(part, of: job)
      } catch let error as ImageReadError {
        guard keepsGoing else {
          job.abandon()
          return state.stop(error.about(job.path))
        }
        switch part {
        case .block(_, let size, let offset), .tail(_, _, let size, let offset):
          job.noteLoss(offset..<offset + UInt64(size), error)
        case .lost(_, let size, let offset): job.noteLoss(offset..<offset + size, error)
        }
      } catch {
        // A full disk has no room for other files either.
        job.abandon()
        return state.stop(error)
      }
    }
  }

  /// Unpacks a fragment before files need their ends from it.
  func prepare(_ fragment: FragmentCache.Fragment) {
    if !state.isStopped { fragments.prepare(fragment, unpacker) }
  }

  func write(_ batch: SmallFiles) {
    for file in batch.files {
      if state.isStopped || Interruption.isRequested { return }
      do {
        try withContent(of: file.part) { content in
          if try batch.directory.makeFile(file.name, content, file.attributes, file.xattrs) {
            state.countWritten(content.count)
          }
        }
      } catch let error as ImageReadError {
        let path = batch.directory.path(of: file.name)
        guard keepsGoing else { return state.stop(error.about(path)) }
        state.countLost(path, "lost: it cannot be read: \(error)")
      } catch {
        return state.stop(error)
      }
    }
  }

  private func withContent(
    of part: FileJob.Part?, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    switch part {
    case nil: try body(UnsafeRawBufferPointer(start: nil, count: 0))
    case .lost(let error, _, _)?: throw error
    case .block(let place, let size, _)?: try body(try unpack(place, size))
    case .tail(let fragment, let offset, let size, _)?:
      try fragments.withBytes(of: fragment, offset: offset, size: size, unpacker, body)
    }
  }

  private func unpack(_ place: BlockPlace, _ size: Int) throws -> UnsafeRawBufferPointer {
    let count = try unpacker.unpack(place, into: buffer)
    guard count == size else {
      throw ImageReadError(
        .damaged, at: base + place.start, "block unpacks to \(count) bytes, expected \(size)")
    }
    return UnsafeRawBufferPointer(rebasing: buffer[..<count])
  }

  private func write(_ part: FileJob.Part, of job: FileJob) throws {
    switch part {
    case .lost(let error, _, _): throw error
    case .block(let place, let size, let offset):
      try write(try unpack(place, size), at: offset, of: job)
    case .tail(let fragment, let tailOffset, let size, let offset):
      try fragments.withBytes(of: fragment, offset: tailOffset, size: size, unpacker) {
        try write($0, at: offset, of: job)
      }
    }
  }

  private func write(
    _ bytes: UnsafeRawBufferPointer, at offset: UInt64, of job: FileJob
  ) throws {
    guard let output = job.open() else { return }
    try output.write(bytes, at: offset)
    state.countWritten(bytes.count)
    job.noteSaved(bytes.count)
  }
}
