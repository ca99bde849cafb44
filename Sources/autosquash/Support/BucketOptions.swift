import ArgumentParser
import Inputs
import ObjectStore

/// How to reach objects in buckets, in the words of aws-cli.
struct BucketOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The section of ~/.aws/config and ~/.aws/credentials with the keys. (default: AWS_PROFILE)",
      valueName: "name"))
  var profile: String?
  @Option(
    help: ArgumentHelp(
      "The bucket's region. (default: as for aws-cli, else found out)", valueName: "name"))
  var region: String?
  @Option(
    help: ArgumentHelp(
      "The URL of a store other than Amazon's. (default: AWS_ENDPOINT_URL)", valueName: "url"))
  var endpointUrl: String?
  @Flag(help: "Send no credentials, for a public bucket.")
  var noSignRequest = false
  @Option(help: "requester: pay for requests to a bucket whose owner does not.")
  var requestPayer: RequestPayer?
  @Option(
    help: ArgumentHelp(
      "Certificates to trust: a file or a folder. (default: AWS_CA_BUNDLE, else the system's)",
      valueName: "path"))
  var caBundle: String?

  func validate() throws {
    if let endpointUrl, !["http://", "https://"].contains(where: endpointUrl.hasPrefix) {
      throw ValidationError("--endpoint-url begins with https:// or http://.")
    }
    if let region, !StoreOptions.isRegion(region) {
      throw ValidationError("--region is a name such as eu-central-1.")
    }
  }

  var options: StoreOptions {
    var options = StoreOptions()
    options.profile = profile
    options.region = region
    options.endpoint = endpointUrl
    options.signs = !noSignRequest
    options.paysRequests = requestPayer != nil
    options.caBundle = caBundle
    return options
  }

  /// Who pays; the only word that aws-cli knows.
  enum RequestPayer: String, ExpressibleByArgument, CaseIterable { case requester }

  /// Makes them those of the whole program; before it opens anything.
  ///
  /// - Parameter isQuiet: whether nobody wants to hear of long waits.
  func apply(isQuiet: Bool = false) {
    if isQuiet { RemoteObjects.whenWaiting { _, _ in } }
    RemoteObjects.configure(options)
  }
}
