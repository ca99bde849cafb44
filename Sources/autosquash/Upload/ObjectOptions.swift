import ArgumentParser
import ObjectStore

/// What a store is told of the objects that are uploaded, in the words of aws-cli.
struct ObjectOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Size of the parts, 5M to 5G. (default: 8M, more for images beyond 50 GB)", valueName: "n"))
  var partSize: PartSizeArgument?
  @Option(
    help: ArgumentHelp(
      "Have the store encrypt: AES256, aws:kms or aws:kms:dsse. (default: as the bucket says)",
      valueName: "method"))
  var sse: Encryption?
  @Option(help: ArgumentHelp("The KMS key for it, with aws:kms.", valueName: "key"))
  var sseKmsKeyId: String?
  @Option(help: ArgumentHelp("Such as STANDARD_IA or INTELLIGENT_TIERING.", valueName: "class"))
  var storageClass: String?
  @Option(help: ArgumentHelp("Tags of the objects.", valueName: "name=value&..."))
  var tagging: String?
  @Option(
    help: ArgumentHelp("A canned ACL, such as bucket-owner-full-control.", valueName: "name"))
  var acl: String?

  enum Encryption: String, ExpressibleByArgument, CaseIterable {
    case aes = "AES256"
    case kms = "aws:kms"
    case twice = "aws:kms:dsse"
  }

  func validate() throws {
    if sseKmsKeyId != nil, sse == nil || sse == .aes {
      throw ValidationError("--sse-kms-key-id needs --sse aws:kms.")
    }
    let words = [
      ("--sse-kms-key-id", sseKmsKeyId), ("--storage-class", storageClass), ("--acl", acl),
      ("--tagging", tagging),
    ]
    for (option, value) in words {
      guard let value else { continue }
      guard !value.isEmpty, value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
        throw ValidationError(
          "\(option) is a word of ASCII\(option == "--tagging" ? "; others are encoded as %XX" : "")."
        )
      }
    }
    if let storageClass, ["GLACIER", "DEEP_ARCHIVE"].contains(storageClass) {
      throw ValidationError(
        "--storage-class \(storageClass): what is there cannot be read, unless it is restored first; "
          + "GLACIER_IR can.")
    }
    if let tagging, tagging.split(separator: "&").contains(where: { !$0.contains("=") }) {
      throw ValidationError("--tagging is NAME=VALUE, with & between several.")
    }
  }

  /// The first of these options that is given.
  var firstGiven: String? {
    [
      ("--part-size", partSize != nil), ("--sse", sse != nil),
      ("--sse-kms-key-id", sseKmsKeyId != nil), ("--storage-class", storageClass != nil),
      ("--tagging", tagging != nil), ("--acl", acl != nil),
    ].first(where: \.1)?.0
  }

  var options: UploadOptions {
    var options = UploadOptions()
    options.encryption = sse?.rawValue
    options.encryptionKey = sseKmsKeyId
    options.storageClass = storageClass
    options.tagging = tagging
    options.acl = acl
    return options
  }
}

/// The size of an upload's parts: a number of bytes, with K, M or G.
struct PartSizeArgument: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
    let unit = argument.last.flatMap { units[$0] }
    guard let number = Int(unit == nil ? argument[...] : argument.dropLast()) else { return nil }
    let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !isTooLarge, (PartSize.least...PartSize.most).contains(bytes) else { return nil }
    self.bytes = bytes
  }
}
