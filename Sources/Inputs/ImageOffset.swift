package import SquashFS

/// Where an image starts in its file.
package enum ImageOffset: Equatable, Sendable, CustomStringConvertible {
  case bytes(UInt64)
  /// Wherever a search finds it.
  case auto

  /// The start of the file.
  package static let start = ImageOffset.bytes(0)

  /// - Parameter text: `auto` or a number of bytes.
  package init?(_ text: String) {
    if text == "auto" {
      self = .auto
    } else if let bytes = UInt64(text) {
      self = .bytes(bytes)
    } else {
      return nil
    }
  }

  package var description: String {
    switch self {
    case .bytes(let bytes): "\(bytes)"
    case .auto: "auto"
    }
  }

  /// Opens the image at this position in a file or an object.
  package func input(_ name: [UInt8]) throws -> ImageInput {
    let source: any ByteSource =
      RemoteObjects.isRemote(name) ? try ObjectBytes(name) : try FileBytes(path: name)
    return switch self {
    case .bytes(let base): try ImageInput(source, base: base)
    case .auto: try ImageInput(source, base: ImageSearch.findImage(in: source))
    }
  }
}
