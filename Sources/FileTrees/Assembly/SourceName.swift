import Glibc
import Posix

/// What a user may call the source directory, in paths that should begin at its top.
public struct SourceName: Sendable {
  /// The components of its path, as given and with symbolic links resolved.
  private let paths: [[ArraySlice<UInt8>]]
  private let directory: [UInt8]

  /// - Parameters:
  ///   - directory: its path, as given.
  ///   - others: other ways to write it.
  public init(_ directory: [UInt8], _ others: [[UInt8]]) {
    self.directory = directory
    paths = ([directory] + others).map { path in
      path.pathComponents.filter { !$0.elementsEqual(".".utf8) }
    }
  }

  /// Whether something in the directory has this path.
  func has(_ path: [[UInt8]]) -> Bool {
    ([directory] + path).joinedPath
      .withCPath { access($0, F_OK) } == 0
  }

  /// Whether a path means the directory itself.
  func isNamed(by path: [[UInt8]]) -> Bool {
    !path.isEmpty && paths.contains { $0.suffix(path.count).elementsEqual(path.map { $0[...] }) }
  }

  /// How many leading components of a longer path name the directory: its own name, or that after
  /// parent directories.
  func leadingComponents(of path: some Collection<ArraySlice<UInt8>>) -> Int {
    paths.lazy.flatMap { own in
      (1...max(1, own.count)).lazy.filter { count in
        count < path.count && own.suffix(count).elementsEqual(path.prefix(count))
      }
    }.max() ?? 0
  }
}
