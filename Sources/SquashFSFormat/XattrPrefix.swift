/// The namespaces of extended attributes that the format can hold.
public enum XattrPrefix: UInt16, CaseIterable, Sendable {
  case user = 0
  case trusted = 1
  case security = 2

  /// Set in a stored key's type when the value lies elsewhere.
  public static let outOfLineBit: UInt16 = 0x0100

  /// The prefix with its dot.
  public var text: String {
    switch self {
    case .user: "user."
    case .trusted: "trusted."
    case .security: "security."
    }
  }

  /// The prefix of a full name; `nil` if the format has none for it.
  public init?(of name: [UInt8]) {
    for prefix in Self.allCases {
      let bytes = prefix.text.utf8
      if name.count > bytes.count, name.starts(with: bytes) {
        self = prefix
        return
      }
    }
    return nil
  }
}
