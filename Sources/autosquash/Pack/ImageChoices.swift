public import ArgumentParser
public import SquashFS
public import SquashFSFormat

extension Compression.Method: ExpressibleByArgument {}

/// The argument of `--bcj`.
struct FilterChoice: ExpressibleByArgument {
  let filters: CodeFilters

  /// Names with commas, or none.
  init?(argument: String) {
    var filters: CodeFilters = []
    for name in argument == "none"
      ? [] : argument.split(separator: ",", omittingEmptySubsequences: false)
    {
      guard let filter = CodeFilters.writable.known.first(where: { $0.name == name }) else {
        return nil
      }
      filters.insert(CodeFilters(filter))
    }
    self.filters = filters
  }
}

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
