public import ArgumentParser
public import SquashFS
public import SquashFSFormat

extension Compression.Method: ExpressibleByArgument {}

extension ImageWriter.Layout: ExpressibleByArgument {}

extension BlockSize: ExpressibleByArgument {
  /// A number of bytes, optionally with K or M.
  public init?(argument: String) {
    let bytes: Int? =
      switch argument.last {
      case "K", "k": Int(argument.dropLast()).flatMap { $0 <= 1 << 20 ? $0 << 10 : nil }
      case "M", "m": Int(argument.dropLast()).flatMap { $0 <= 1 << 10 ? $0 << 20 : nil }
      default: Int(argument)
      }
    guard let bytes, bytes > 0 else { return nil }
    self.init(byteCount: bytes)
  }

  public var defaultValueDescription: String { "\(byteCount >> 10)K" }
}
