import CLZMA

/// liblzma's settings for one block.
struct XZSettings {
  /// How many bits of the previous byte, and of the position, to consider. The kernel's decoder
  /// reads these numbers from the block itself.
  private var (lc, lp, pb): (UInt32, UInt32, UInt32)
  /// How long to search for matches; `nil` for the preset's.
  private var effort: Effort?

  /// The limits of a search for matches.
  private struct Effort {
    /// A match of this length is taken without looking for a longer one.
    var niceLength: UInt32
    /// The number of candidates to look at.
    var depth: UInt32
  }

  /// Below this entropy, in bits per byte, a block is a table rather than text.
  private static let tableEntropy = 4.0
  /// From this entropy on, text has few long matches.
  private static let richEntropy = 5.2

  init(for shape: BlockShape, level: Int) {
    let isTable = shape.entropy < Self.tableEntropy
    (lc, lp, pb) =
      switch shape.wordGain {
      case 0.025... where isTable: (3, 0, 2)
      case 0.15... where !isTable: (0, 2, 2)
      default: (3, 0, 0)
      }
    effort = level == 6 ? Self.effort(for: shape) : nil
  }

  /// Where the measured curves of time and size have the same slope (docs/compression.md).
  private static func effort(for shape: BlockShape) -> Effort {
    if shape.filter != nil { return Effort(niceLength: 28, depth: 14) }
    if shape.entropy < tableEntropy { return Effort(niceLength: 60, depth: 10) }
    if shape.entropy < richEntropy { return Effort(niceLength: 60, depth: 16) }
    return Effort(niceLength: 38, depth: 18)
  }

  func apply(to options: inout lzma_options_lzma) {
    (options.lc, options.lp, options.pb) = (lc, lp, pb)
    if let effort { (options.nice_len, options.depth) = (effort.niceLength, effort.depth) }
  }
}
