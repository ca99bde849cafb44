/// Which names the images of one folder have under the mount root.
enum CatalogueNames {
  /// The key that the map answers with each image.
  ///
  /// An image is called by its file's name without the suffix, unless that key means another image
  /// of the folder, which comes first; it then has its whole name.
  ///
  /// - Parameter files: names with one of the suffixes, in any order.
  /// - Returns: pairs of key and file, sorted by the keys.
  static func keys(of files: [[UInt8]], suffixes: [[UInt8]]) -> [(key: [UInt8], file: [UInt8])] {
    let all = Set(files)
    return files.compactMap { file in
      // Without the suffix first; then as it is.
      let shortened = suffixes.compactMap { suffix in
        hasSuffix(file, suffix) ? Array(file.dropLast(suffix.count)) : nil
      }
      for name in shortened + [file] {
        guard let key = try? MapKey(name) else { continue }
        let answer = key.candidates(suffixes: suffixes).first { all.contains($0) }
        if answer == file { return (name, file) }
      }
      return nil
    }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  /// Whether a name ends in a suffix and has more than that.
  static func hasSuffix(_ name: [UInt8], _ suffix: [UInt8]) -> Bool {
    name.count > suffix.count && name[(name.count - suffix.count)...].elementsEqual(suffix)
  }
}
