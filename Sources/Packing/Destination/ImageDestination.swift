import Manifests
import Posix
import SquashFS

/// Where an image goes, with what is put beside it. It appears there when it is complete.
protocol ImageDestination {
  /// For the writer.
  var output: ImageWriter.Output { get }

  /// The file under construction, if it is on this machine.
  var file: AtomicFile? { get }

  /// Lets the complete image appear.
  ///
  /// - Parameters:
  ///   - tree: its files, for what is put beside it.
  ///   - willPublish: called before it appears.
  func publish(_ tree: DigestedTree?, willPublish: () -> Void) throws

  /// Removes what is there of an image that will not be complete.
  func giveUp()
}
