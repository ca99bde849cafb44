import ArgumentParser
import Posix

/// The options for reading a source, which mean nothing for an image.
enum SourceOptions {
  private static let groups: [any ParsableArguments.Type] = [
    OwnershipOptions.self, MetadataOptions.self, SelectionOptions.self, ArchiveOptions.self,
    DirectoryOptions.self,
  ]

  /// The first of them that the user gave, dashes included.
  static var firstGiven: String? {
    let words = ProcessArguments.all.prefix { !$0.elementsEqual("--".utf8) }
      .filter { $0.starts(with: "--".utf8) }
      .map { String(decoding: $0.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self) }
    if words.isEmpty { return nil }
    let names = Set(groups.flatMap { CommandOptions(of: $0).longNames }.map { "--\($0)" })
    return words.first { names.contains($0) }
  }
}
