import Posix

/// The URL of an object, or of a bucket, in the REST interface of S3.
struct BucketURL {
  let text: String

  /// - Parameter endpoint: the URL of a store other than AWS's.
  init(
    _ bucket: String, key: [UInt8], query: [(name: String, value: String)], region: String,
    endpoint: String?
  ) {
    var text: String
    if let endpoint {
      var base = endpoint[...]
      while base.last == "/" { base.removeLast() }
      text = "\(base)/\(bucket)"
    } else {
      let host = "s3.\(region).\(Self.domain(of: region))"
      // A certificate for *.s3… does not cover a name with a dot.
      text = Self.isLabel(bucket) ? "https://\(bucket).\(host)" : "https://\(host)/\(bucket)"
    }
    text += "/" + PercentEncoding.encode(key, keepsSlashes: true)
    for (index, item) in query.enumerated() {
      text += index == 0 ? "?" : "&"
      text +=
        PercentEncoding.encode(Array(item.name.utf8), keepsSlashes: false) + "="
        + PercentEncoding.encode(Array(item.value.utf8), keepsSlashes: false)
    }
    self.text = text
  }

  /// Where AWS has the buckets of a region.
  static func domain(of region: String) -> String {
    region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
  }

  private static func isLabel(_ bucket: String) -> Bool {
    bucket.utf8.count <= 63
      && bucket.utf8.allSatisfy {
        ($0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z"))
          || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9")) || $0 == UInt8(ascii: "-")
      }
  }

  /// Whether a text can be a region's name; it becomes a part of a host's name.
  static func isRegion(_ text: String) -> Bool {
    (1...40).contains(text.utf8.count) && isLabel(text)
  }
}
