import Posix
import Terminal

/// A progress bar for work that counts bytes, where one is wanted.
final class ByteProgress {
  private var bar: ProgressBar?
  private var bytes: UInt64 = 0

  init(_ messages: MessageOptions, title: [UInt8]) {
    guard messages.progress.isShown && !messages.quiet else { return }
    bar = ProgressBar(title: title.escapedName) { [unowned self] in
      .init(bytes: bytes, fraction: nil)
    }
  }

  /// - Parameter bytes: done so far.
  func tick(_ bytes: UInt64) {
    self.bytes = bytes
    bar?.tick()
  }
}
