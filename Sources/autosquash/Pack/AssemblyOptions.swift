import FileTrees

extension TreeAssembler.Options {
  /// Collects a command's options for its sources.
  ///
  /// - Parameter readsFiles: whether to read files named by options; not while checking
  ///   arguments.
  /// - Throws: `ValidationError`, and `SourceError` for unreadable files.
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
