import Posix

/// Why the map refuses a key.
public struct MapRefusal: Error, Equatable, CustomStringConvertible {
  public var code: Code
  /// The requested name, as bytes.
  public var key: [UInt8]
  /// What is wrong, and what to do.
  public var text: String

  public enum Code: UInt8, Equatable, Sendable {
    /// No file can have this name.
    case badKey = 1
    case noSuchImage
    /// It exists, but the kernel would not mount it.
    case unmountable
    /// A link leads out of the folder.
    case outside
    /// The images' folder is missing or does not respond.
    case unreachable
    /// Something is wrong on this machine.
    case machine
    /// No image has such a name, and nobody asking for it meant one.
    case hidden
  }

  package init(_ code: Code, _ key: [UInt8], _ text: String) {
    self.code = code
    self.key = key
    self.text = text
  }

  /// Why another process gave no entry.
  init(_ failure: ForkedAnswer.Failure<MapRefusal>, from configuration: Configuration, key: [UInt8])
  {
    switch failure {
    case .refused(let refusal): self = refusal
    case .late:
      self.init(
        .unreachable, key,
        "\(configuration.images.shortenedName) does not answer within"
          + " \(configuration.answerTimeout) seconds; is the bucket still mounted, and reachable?")
    case .noProcess(let error): self.init(.machine, key, "\(error)")
    }
  }

  /// One line.
  public var description: String { "\(key.isEmpty ? "''" : key.escapedName.shortened): \(text)" }
}

extension MapRefusal: WireCodable {
  /// The code, the key, a NUL, which no key contains, and the text.
  public var wireBytes: [UInt8] { [code.rawValue] + key + [0] + Array(text.utf8) }

  public init?(wireBytes: [UInt8]) {
    guard let code = wireBytes.first.flatMap(Code.init), let end = wireBytes.firstIndex(of: 0)
    else { return nil }
    self.init(
      code, Array(wireBytes[1..<end]),
      String(decoding: wireBytes[(end + 1)...], as: UTF8.self))
  }
}

extension ByteString {
  /// The name for a message, at most about 300 characters, so that the log has it on one line.
  var shortenedName: String { escapedName.shortened }
}

extension String {
  fileprivate var shortened: String {
    utf8.count <= 300 ? self : String(prefix(280)) + "..."
  }
}
