import ArgumentParser
import Glibc
import Posix
import SquashFS

/// The image that a command reads.
struct ImageArguments: ParsableArguments {
  @Argument(help: "The image.")
  var image: ByteArgument

  @Option(
    help: ArgumentHelp(
      "Where the image starts in the file, in bytes; auto searches (AppImage, SIF).",
      valueName: "n|auto"))
  var offset = "0"

  func validate() throws { try ImageFile.validate(offset: offset) }

  /// - Parameter salvages: whether a damaged image is opened as far as it goes.
  func open(salvages: Bool = false) throws -> Image {
    try Image(
      ImageFile.input(image.bytes, offset: offset), allowsTruncated: salvages, salvages: salvages)
  }
}

/// Opens images that users name.
enum ImageFile {
  static func validate(offset: String) throws {
    if offset != "auto" && UInt64(offset) == nil {
      throw ValidationError("--offset takes a number of bytes, or auto.")
    }
  }

  static func input(_ path: [UInt8], offset: String) throws -> ImageInput {
    if offset != "auto" { return try ImageInput(path: path, base: UInt64(offset) ?? 0) }
    guard let base = try ImageInput.findImage(in: path) else {
      throw ImageReadError(.notAnImage, "no SquashFS image is in this file")
    }
    return try ImageInput(path: path, base: base)
  }

  static func open(_ path: [UInt8], offset: String) throws -> Image {
    try Image(input(path, offset: offset))
  }
}

extension Messages {
  /// Prints why something in an image cannot be had, and gives the exit status for it.
  static func fail(_ image: [UInt8], _ error: any Error) -> Int32 {
    switch error {
    case let error as ImageReadError: write(image, "\(error)\(hint(for: error))")
    case let error as SystemError: write(error.path, "\(error)")
    default: report(error, source: image)
    }
    return ExitStatus.of(error)
  }

  private static func hint(for error: ImageReadError) -> String {
    error.code == .notAnImage ? "; --offset auto finds one within another file" : ""
  }
}
