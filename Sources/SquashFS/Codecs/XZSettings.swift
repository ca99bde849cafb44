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
    var finder = LZMA_MF_BT4
    /// A match of this length is taken without looking for a longer one.
    var niceLength: UInt32
    /// The number of candidates to look at; 0 for what suits the length.
    var depth: UInt32
  }

  /// Below this entropy, in bits per byte, a block is a table rather than text.
  private static let tableEntropy = 4.0
  /// From this entropy on, text has few long matches.
  private static let richEntropy = 5.2

  init(for shape: BlockShape, level: Int) {
    let isTable = shape.entropy < Self.tableEntropy
    (lc, lp, pb) =
      switch (shape.records, shape.wordGain) {
      case (.numbers, _): (0, 2, 2)
      case (.entries, _): (2, 0, 1)
      case (nil, 0.025...) where isTable: (3, 0, 2)
      case (nil, 0.15...) where !isTable: (0, 2, 2)
      default: (3, 0, 0)
      }
    effort =
      switch level {
      case 6: Self.effort(for: shape)
      case 8: Effort(niceLength: 128, depth: 0)
      default: nil
      }
  }

  /// Points of the measured curves of time and size (docs/compression.md): the fastest with which
  /// images are not larger than those of other tools.
  private static func effort(for shape: BlockShape) -> Effort {
    // 8 KiB of records need no search tree: a quarter less time for half a per cent at most.
    if shape.records != nil { return Effort(finder: LZMA_MF_HC4, niceLength: 32, depth: 8) }
    if shape.filter != nil { return Effort(niceLength: 26, depth: 13) }
    if shape.entropy < richEntropy { return Effort(niceLength: 60, depth: 16) }
    return Effort(niceLength: 37, depth: 16)
  }

  func apply(to options: inout lzma_options_lzma) {
    (options.lc, options.lp, options.pb) = (lc, lp, pb)
    if let effort {
      options.mf = effort.finder
      (options.nice_len, options.depth) = (effort.niceLength, effort.depth)
    }
  }
}
