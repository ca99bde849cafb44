import FileTrees

extension TreeAssembler.Options {
  /// What the options of a command say of its sources.
  ///
  /// - Parameter readsFiles: whether files that options name are read; not while arguments are
  ///   checked.
  /// - Throws: `ValidationError`, and `SourceError` of files that cannot be read.
  init(
    _ ownership: OwnershipOptions, _ selection: SelectionOptions, _ metadata: MetadataOptions,
    readsFiles: Bool
  ) throws {
    self.init()
    self.ownership = ownership.policy()
    self.selection = try selection.selection(readsFiles: readsFiles)
    separatesHardLinks = selection.noHardLinks
    try metadata.apply(to: &self)
  }
}
