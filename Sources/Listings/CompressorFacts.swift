import SquashFSFormat
import Terminal

/// A compressor's options in words. Source of the numbers' meaning: SquashFS Binary Format,
/// section "Compression Options".
extension CompressorOptions {
  /// For example ", level 9, window 15".
  var text: String {
    switch self {
    case .gzip(let level, let window, _): ", level \(level), window \(window)" + listed(strategies)
    case .lzo(_, let level):
      ", \(algorithm)" + (algorithm == Self.lzoAlgorithms.last ? ", level \(level)" : "")
    case .xz(let dictionary, _): ", dictionary \(UInt64(dictionary).asBytes)" + listed(filters)
    case .lz4(_, let flags): flags & 1 == 1 ? ", high compression" : ""
    case .zstd(let level): ", level \(level)"
    }
  }

  var json: JSON {
    func names(_ list: [String]) -> JSON { .array(list.map { .string($0) }) }
    return switch self {
    case .gzip(let level, let window, _):
      [
        "level": JSON(level), "window": JSON(window),
        "strategies": names(strategies),
      ]
    case .lzo(_, let level):
      ["algorithm": .string(algorithm), "level": JSON(level)]
    case .xz(let dictionary, _):
      ["dictionary": JSON(dictionary), "filters": names(filters)]
    case .lz4(_, let flags): ["highCompression": .boolean(flags & 1 == 1)]
    case .zstd(let level): ["level": JSON(level)]
    }
  }

  private func listed(_ names: [String]) -> String {
    names.isEmpty ? "" : ", " + names.joined(separator: ", ")
  }

  /// The strategies that gzip tried on each block.
  private var strategies: [String] {
    guard case .gzip(_, _, let bits) = self else { return [] }
    return Self.names(
      of: UInt32(bits), ["default", "filtered", "huffman_only", "run_length_encoded", "fixed"])
  }

  /// The filters for machine code, by name or bit.
  private var filters: [String] {
    guard case .xz(_, let filters) = self else { return [] }
    return Self.names(of: filters.rawValue, CodeFilter.allCases.map(\.name))
  }

  private static let lzoAlgorithms = [
    "lzo1x_1", "lzo1x_1_11", "lzo1x_1_12", "lzo1x_1_15", "lzo1x_999",
  ]

  private var algorithm: String {
    guard case .lzo(let number, _) = self else { return "" }
    return Int(number) < Self.lzoAlgorithms.count
      ? Self.lzoAlgorithms[Int(number)] : "algorithm \(number)"
  }

  private static func names(of bits: UInt32, _ names: [String]) -> [String] {
    (0..<32).filter { bits >> UInt32($0) & 1 == 1 }
      .map { $0 < names.count ? names[$0] : "bit \($0)" }
  }
}
