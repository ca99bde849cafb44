import FileTrees
import Glibc
import Posix

/// What to do about links that lead out of an image or to nothing in it.
struct LinkAdvice {
  /// Whether the options could take what they lead to instead.
  private let canDereference: Bool
  /// The directory that the image is made of, where the paths of links in it are known.
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

  /// Looks whether a link leads to something on this machine.
  ///
  /// - Parameter path: in the image.
  mutating func note(_ path: [UInt8]) {
    guard let directory else { return }
    let link = ([directory[...]] + path.pathComponents.dropFirst(prefixCount)).joinedPath
    if link.withCPath({ access($0, F_OK) }) != 0 && [ENOENT, ENOTDIR, ELOOP].contains(errno) {
      leadingNowhere += 1
    }
  }

  /// For the end of a sentence about so many links; `nil` where no option helps.
  func text(links: Int) -> String? {
    guard canDereference, leadingNowhere < links else { return nil }
    let text = "--dereference packs what \(links == 1 ? "it leads" : "they lead") to"
    guard leadingNowhere > 0 else { return text }
    return
      "\(text); \(leadingNowhere.grouped) \(leadingNowhere == 1 ? "leads" : "lead") to nothing here "
      + "either"
  }
}
