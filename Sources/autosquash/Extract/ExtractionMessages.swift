import Extraction
import Inputs
import Synchronization
import Terminal

/// Prints the problems of an extraction as they occur, and keeps the first losses for programs.
final class ExtractionMessages: ExtractionReporter {
  private let image: [UInt8]
  private let target: [UInt8]
  private let keepsLosses: Bool
  private let kept = Mutex<[Extractor.Loss]>([])
  private static let mostKept = 1 << 16

  /// - Parameter keepsLosses: whether `losses` is wanted.
  init(image: [UInt8], target: [UInt8], keepsLosses: Bool) {
    self.image = image
    self.target = target
    self.keepsLosses = keepsLosses
  }

  /// The first losses.
  var losses: [Extractor.Loss] { kept.withLock { $0 } }

  func couldNotMake(_ path: [UInt8], _ reason: String) {
    Messages.write(target + [UInt8(ascii: "/")] + path, reason)
  }

  func lost(_ loss: Extractor.Loss) {
    if keepsLosses {
      kept.withLock { if $0.count < Self.mostKept { $0.append(loss) } }
    }
    Messages.write(loss.path ?? image, loss.text)
  }
}
