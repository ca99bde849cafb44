import CLibArchive

/// One of the archives that follow each other in a source, and the progress in reading it.
final class ArchivePart {
  let archive: ArchiveHandle
  /// Its positions count from the archive's start.
  let window: StreamWindow
  private let state: State

  /// The state that the handle's observer sees.
  private final class State {
    var isInHeader = true
    weak var archive: ArchiveHandle?
    /// The first bytes of the archive, up to the volume descriptor of ISO 9660.
    var start: [UInt8] = []
    static let startSize = 17 * 2048
  }

  /// The size of the checksum of a xar archive's table, which libarchive does not count as read.
  ///
  /// Layout: the header of a xar archive, "cksum_alg" of libarchive's and Apple's xar.
  var xarChecksumSize: Int64 {
    switch state.start.dropFirst(24).prefix(4) {
    case [0, 0, 0, 1]: 20  // SHA-1
    case [0, 0, 0, 2]: 16  // MD5
    default: 0
    }
  }

  /// The size that an ISO 9660 file system declares.
  ///
  /// Layout: ECMA-119, 8.4.8 and 8.4.12.
  var isoSize: Int64 {
    let descriptor = state.start.dropFirst(16 * 2048)
    guard descriptor.count >= 132 else { return 0 }
    func number(_ offset: Int, _ count: Int) -> Int64 {
      (0..<count).reduce(0) { $0 | Int64(descriptor[16 * 2048 + offset + $1]) << (8 * $1) }
    }
    return number(80, 4) * number(128, 2)
  }

  /// Where the last member ended.
  var memberEnd: Int64 = 0
  /// Whether libarchive is reading a header.
  var isInHeader: Bool {
    get { state.isInHeader }
    set { state.isInHeader = newValue }
  }
  /// The archive's start in its stream.
  let start: Int64
  /// Why there is no header where the last member ended, for archives that end with a member.
  var headerFailure: (any Error)?
  /// The number of entries read.
  var entries = 0
  /// Whether the archive is a stream, so that we cannot look at its end first.
  let isStream: Bool

  /// - Parameter input: positioned at the archive's start.
  init(
    _ input: any ByteInput, path: [UInt8], configure: (OpaquePointer) -> Void
  ) throws {
    let window = StreamWindow()
    let state = State()
    let start = input.position
    self.start = start
    isStream = !input.isSeekable
    archive = try ArchiveHandle(
      input, path: path,
      observe: { piece, position in
        let known = state.start.count
        if known < State.startSize && position == start + Int64(known) {
          state.start += piece.prefix(State.startSize - known)
        }
        window.append(
          piece, at: position - start, consumed: state.archive?.consumed ?? 0,
          isInHeader: state.isInHeader)
      },
      configure: {
        archive_read_support_filter_none($0)
        configure($0)
      })
    state.archive = archive
    self.window = window
    self.state = state
  }
}
