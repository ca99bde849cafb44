/// A form in which an image's files are listed beside it.
package enum ManifestKind: CaseIterable, Sendable {
  case specification
  case page

  /// The end of its name, in place of the image's.
  package var suffix: String {
    switch self {
    case .specification: ".mtree"
    case .page: ".html"
    }
  }

  package var contentType: String {
    switch self {
    case .specification: "text/plain; charset=utf-8"
    case .page: "text/html; charset=utf-8"
    }
  }

  /// What a file says about its image, if it is of this kind.
  package func image(of path: [UInt8]) -> ManifestReader.Image? {
    switch self {
    case .specification: ManifestReader.image(of: path)
    case .page: HTMLPage.image(of: path)
    }
  }

  /// Writes it, piece by piece.
  package func write(
    _ tree: DigestedTree, of image: ManifestWriter.ImageFacts, to output: (String) throws -> Void
  ) rethrows {
    switch self {
    case .specification: try ManifestWriter(tree).write(image: image, to: output)
    case .page: try HTMLPage(tree, title: image.name, image: image).write(to: output)
    }
  }
}
