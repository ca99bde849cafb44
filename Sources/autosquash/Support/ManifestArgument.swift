import ArgumentParser
import Glibc
import Inputs
import Packing
import Posix
import Terminal

/// What `verify --manifest` compares with: a named file, or each image's own manifest.
enum ManifestArgument: ExpressibleByArgument, Equatable {
  case file([UInt8])
  /// The one next to the image: NAME.mtree.
  case own

  private static let option = "--manifest"
  private static let ownValue = String(RawArguments.mark)

  init?(argument: String) {
    self = argument == Self.ownValue ? .own : .file(RawArguments.decode(argument))
  }

  /// The manifest's path.
  func path(of image: [UInt8]) -> [UInt8] {
    switch self {
    case .file(let path): path
    case .own: ImageName.manifest(of: image)
    }
  }

  /// Gives the option a value if the user gave none: at the end, before another option, or before
  /// an image, which cannot be a manifest. The argument parser does not support optional values.
  static func marked(_ arguments: [String]) -> [String] {
    var marked: [String] = []
    for (index, argument) in arguments.enumerated() {
      if argument == "--" { return marked + arguments[index...] }
      marked.append(argument)
      guard argument == option else { continue }
      let next = index + 1 < arguments.count ? arguments[index + 1] : nil
      if next.map(isManifest) != true { marked.append(ownValue) }
    }
    return marked
  }

  private static func isManifest(_ word: String) -> Bool {
    let path = RawArguments.decode(word)
    if path.count > 1 && path.first == UInt8(ascii: "-") { return false }
    // A damaged image may not begin like one.
    let isNamedAsImage = path.suffix(ImageName.suffix.count).elementsEqual(ImageName.suffix)
    return !isNamedAsImage && !TreeInput.isImage(path)
  }
}
