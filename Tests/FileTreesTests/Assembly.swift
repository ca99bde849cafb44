import FileTrees
import TestSupport
import TreeModel

/// An assembler's result for samples.
struct Assembly {
  let tree: Tree
  let contents: [[UInt8]]
  let notes: AssemblyNotes
  /// "PATH: REASON" for each excluded entry.
  let leftOut: [String]

  /// - Parameter change: sets options.
  init(
    _ lines: [String], _ change: (inout TreeAssembler.Options) -> Void = { _ in }
  ) throws {
    try self.init(change) { try Sample.deliver(lines, to: $0) }
  }

  /// - Parameter read: delivers the entries.
  init(
    _ change: (inout TreeAssembler.Options) -> Void = { _ in },
    read: (TreeAssembler) throws -> Void
  ) throws {
    var options = TreeAssembler.Options()
    change(&options)
    let sink = MemorySink()
    let assembler = TreeAssembler(options, content: sink)
    var leftOut: [String] = []
    assembler.reportExclusion = { leftOut.append("\($0.escapedName): \($1)") }
    try read(assembler)
    tree = try assembler.finish()
    contents = sink.contents
    notes = assembler.notes
    self.leftOut = leftOut
  }

  func lines(_ facts: Set<Fact> = [], showsRoot: Bool = false) -> [String] {
    tree.lines(contents, facts, showsRoot: showsRoot)
  }
}
