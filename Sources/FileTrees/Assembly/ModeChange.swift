/// A change of permission bits as in chmod(1): `755`, `a+rX`, `u=rwX,go=rX`.
///
/// As in GNU tar's `--mode`, except that the umask never matters: without `ugoa`, all are meant.
public struct ModeChange: Sendable, Equatable {
  private enum Value: Equatable {
    case bits(UInt16)
    /// The bits that the user, the group or others have.
    case copy(of: UInt16)
  }

  private struct Step: Equatable {
    /// Which of the twelve bits it affects.
    var who: UInt16
    var operation: UInt8
    var value: Value
    /// Whether directories, and files that somebody may execute, also get the bit `x`.
    var hasConditionalExecute = false
    /// Whether directories keep set-id bits it does not name.
    var keepsSetID = false

    func apply(to permissions: UInt16, _ isDirectory: Bool) -> UInt16 {
      var bits: UInt16
      switch value {
      case .bits(let given): bits = given
      case .copy(let from):
        let source = permissions & from
        bits = (source | source >> 3 | source >> 6 | source << 3 | source << 6) & 0o777
      }
      if hasConditionalExecute, isDirectory || permissions & ModeChange.execute != 0 {
        bits |= ModeChange.execute
      }
      bits &= who
      switch operation {
      case UInt8(ascii: "+"): return permissions | bits
      case UInt8(ascii: "-"): return permissions & ~bits
      default:
        let kept = isDirectory && keepsSetID ? permissions & ModeChange.setIDs : 0
        return permissions & ~who | bits | kept
      }
    }
  }

  private var steps: [Step] = []

  private static let all: UInt16 = 0o7777
  private static let (user, group, others): (UInt16, UInt16, UInt16) = (0o4700, 0o2070, 0o1007)
  private static let execute: UInt16 = 0o111
  private static let setIDs: UInt16 = 0o6000

  /// - Returns: `nil` if chmod(1) would refuse the text.
  public init?(parsing text: String) {
    if text.utf8.allSatisfy({ (0x30...0x37).contains($0) }), let bits = UInt16(text, radix: 8),
      bits <= Self.all
    {
      steps = [
        Step(
          who: Self.all, operation: UInt8(ascii: "="), value: .bits(bits),
          // As in GNU chmod: five digits name them explicitly.
          keepsSetID: text.utf8.count < 5)
      ]
      return
    }
    for clause in text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      guard parse(clause) else { return nil }
    }
  }

  private mutating func parse(_ clause: Substring.UTF8View.SubSequence) -> Bool {
    var rest = clause
    var who: UInt16 = 0
    while let first = rest.first, let bits = Self.bits(ofWho: first) {
      who |= bits
      rest = rest.dropFirst()
    }
    let count = steps.count
    while let operation = rest.first, "+-=".utf8.contains(operation) {
      rest = rest.dropFirst()
      var step = Step(
        who: who == 0 ? Self.all : who, operation: operation, value: .bits(0), keepsSetID: true)
      if let first = rest.first, let bits = Self.bits(ofWho: first), bits != Self.all {
        step.value = .copy(of: bits & 0o777)
        rest = rest.dropFirst()
      } else {
        var bits: UInt16 = 0
        while let first = rest.first, !"+-=".utf8.contains(first) {
          switch first {
          case UInt8(ascii: "r"): bits |= 0o444
          case UInt8(ascii: "w"): bits |= 0o222
          case UInt8(ascii: "x"): bits |= Self.execute
          case UInt8(ascii: "X"): step.hasConditionalExecute = true
          case UInt8(ascii: "s"):
            bits |= Self.setIDs
            step.keepsSetID = false
          case UInt8(ascii: "t"): bits |= 0o1000
          default: return false
          }
          rest = rest.dropFirst()
        }
        step.value = .bits(bits)
      }
      steps.append(step)
    }
    return rest.isEmpty && steps.count > count
  }

  private static func bits(ofWho byte: UInt8) -> UInt16? {
    switch byte {
    case UInt8(ascii: "u"): user
    case UInt8(ascii: "g"): group
    case UInt8(ascii: "o"): others
    case UInt8(ascii: "a"): all
    default: nil
    }
  }

  /// The permission bits after the change.
  public func apply(to permissions: UInt16, isDirectory: Bool) -> UInt16 {
    steps.reduce(permissions) { $1.apply(to: $0, isDirectory) }
  }
}
