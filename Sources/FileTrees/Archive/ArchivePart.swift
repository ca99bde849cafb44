internal import CLibArchive

/// One archive of those that lie one behind the other in a source, and what was read of it.
final class ArchivePart {
  let archive: ArchiveHandle
  /// Positions in it count from the archive's start.
  let window: StreamWindow
  private let state: State

  /// What the handle's observer sees.
  private final class State {
    var isInHeader = true
    weak var archive: ArchiveHandle?
  }

  /// Whether libarchive is reading a header.
  var isInHeader: Bool {
    get { state.isInHeader }
    set { state.isInHeader = newValue }
  }
  /// The archive's start in its stream.
  let start: Int64
  /// The number of entries read.
  var entries = 0
  /// Whether the archive comes as a stream, so that its end cannot be looked at first.
  let isStream: Bool

  /// - Parameter input: stands at the archive's start.
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
