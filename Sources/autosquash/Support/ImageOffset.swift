import ArgumentParser
import Posix
import SquashFS

/// Where an image starts in its file.
enum ImageOffset: ExpressibleByArgument, Equatable, CustomStringConvertible {
  case bytes(UInt64)
  /// Wherever it is found.
  case auto

  static let start = ImageOffset.bytes(0)

  init?(argument: String) {
    if argument == "auto" {
      self = .auto
    } else if let bytes = UInt64(argument) {
      self = .bytes(bytes)
    } else {
      return nil
    }
  }

  var description: String {
    switch self {
    case .bytes(let bytes): "\(bytes)"
    case .auto: "auto"
    }
  }

  /// Opens the image at this place of a file.
  func input(_ path: [UInt8]) throws -> ImageInput {
    switch self {
    case .bytes(let base): try ImageInput(path: path, base: base)
    case .auto: try ImageInput(path: path, base: ImageSearch.findImage(in: path))
    }
  }
}
