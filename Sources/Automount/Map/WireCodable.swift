/// A value that one process of this program can send to another.
public protocol WireCodable {
  var wireBytes: [UInt8] { get }
  /// - Returns: `nil` if the bytes do not encode a value.
  init?(wireBytes: [UInt8])
}

extension [UInt8]: WireCodable {
  public var wireBytes: [UInt8] { self }
  public init?(wireBytes: [UInt8]) { self = wireBytes }
}

extension String: WireCodable {
  public var wireBytes: [UInt8] { Array(utf8) }
  public init?(wireBytes: [UInt8]) { self.init(decoding: wireBytes, as: UTF8.self) }
}

extension Bool: WireCodable {
  public var wireBytes: [UInt8] { [self ? 1 : 0] }
  public init?(wireBytes: [UInt8]) {
    guard wireBytes.count == 1, wireBytes[0] <= 1 else { return nil }
    self = wireBytes[0] == 1
  }
}
