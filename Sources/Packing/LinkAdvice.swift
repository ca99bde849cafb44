import FileTrees
import Glibc
import Posix

/// Advice about links that lead out of an image or to nothing in it.
struct LinkAdvice {
  /// Whether the options could pack what they lead to instead.
  private let canDereference: Bool
  /// The directory the image is made from, if the links' paths in it are known.
  private let directory: [UInt8]?
  private let prefixCount: Int
  private var leadingNowhere = 0

  init(_ sources: [PackInput], _ options: Packer.Options) {
    canDereference = !options.directories.dereferences && sources.contains(where: \.isDirectory)
    let selection = options.assembly.selection
    guard canDereference, sources.count == 1, selection.stripping == .auto else {
      directory = nil
      prefixCount = 0
      return
    }
    directory = ([sources[0].path] + selection.rootBecomes).joinedPath
    prefixCount = sources[0].prefix.count
  }

  /// Checks whether a link leads to something on this machine.
  ///
  /// - Parameter path: the link's path in the image.
  mutating func note(_ path: [UInt8]) {
    guard let directory else { return }
    let link = ([directory[...]] + path.pathComponents.dropFirst(prefixCount)).joinedPath
    if link.withCPath({ access($0, F_OK) }) != 0 && [ENOENT, ENOTDIR, ELOOP].contains(errno) {
      leadingNowhere += 1
    }
  }

  /// The end of a sentence about the given number of links; `nil` if no option helps.
  func text(links: Int) -> String? {
    guard canDereference, leadingNowhere < links else { return nil }
    let text = "--dereference packs \(links == 1 ? "its target" : "their targets")"
    guard leadingNowhere > 0 else { return text }
    return
      "\(text); \(leadingNowhere.grouped) \(leadingNowhere == 1 ? "leads" : "lead") to nothing here "
      + "either"
  }
}
