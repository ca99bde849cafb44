import Posix

/// The names under the mount root of the images in one folder.
enum CatalogueNames {
  /// The keys that the map answers, one for each image.
  ///
  /// An image's key is its file name without the suffix; if that key means another image of the
  /// folder, which takes precedence, it is the whole name.
  ///
  /// - Parameter files: names with one of the suffixes, in any order.
  /// - Returns: pairs of key and file, sorted by the keys.
  static func keys(of files: [Name], suffixes: [[UInt8]]) -> [(key: Name, file: Name)] {
    let all = Set(files)
    return files.compactMap { file in
      // Without the suffix first, then unchanged.
      let shortened = suffixes.compactMap { suffix in
        hasSuffix(file, suffix) ? Array(file.bytes.dropLast(suffix.count)) : nil
      }
      for name in shortened + [file.bytes] {
        guard let key = try? MapKey(name) else { continue }
        let answer = key.candidates(suffixes: suffixes).first {
          all.contains(Name(unchecked: $0))
        }
        if answer == file.bytes { return (key.name, file) }
      }
      return nil
    }.sorted { $0.key < $1.key }
  }

  /// Whether a name ends in a suffix and has more than that.
  static func hasSuffix(_ name: Name, _ suffix: [UInt8]) -> Bool {
    name.bytes.count > suffix.count && name.bytes.suffix(suffix.count).elementsEqual(suffix)
  }
}
