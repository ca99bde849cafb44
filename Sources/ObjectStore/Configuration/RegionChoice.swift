/// The region that requests are signed for.
package enum RegionChoice {
  /// When nothing names one; stores that are not AWS's seldom care.
  static let standard = "us-east-1"

  /// What the option says, else the environment, else the profile, else the machine's own if its
  /// credentials are, else `us-east-1`.
  ///
  /// - Parameters:
  ///   - option: of the command.
  ///   - profile: the profile's name, if the user gave one.
  ///   - credentials: `nil` without signatures.
  /// - Throws: `StoreError` with the code `invalid` if it cannot be a region.
  package static func region(
    option: String?, profile: String?, _ environment: StoreEnvironment,
    credentials: CredentialsChain?
  ) throws(StoreError) -> Choice {
    if let region = try named(option, environment, nil) { return region }
    let profile = try SharedConfiguration(environment).profile(named: profile, environment)
    if let region = try named(nil, environment, profile) { return region }
    guard let region = credentials?.region() else {
      return Choice(value: standard, source: "the default")
    }
    return try checked(region, from: "the instance's metadata")
  }

  static func named(
    _ option: String?, _ environment: StoreEnvironment, _ profile: Profile?
  ) throws(StoreError) -> Choice? {
    if let option { return try checked(option, from: "--region") }
    for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
      if let region = environment[variable] { return try checked(region, from: variable) }
    }
    guard let profile, let region = profile["region"] else { return nil }
    return try checked(region, from: "region of \(profile.title)")
  }

  /// A region becomes a part of a host's name: nothing but letters, digits and hyphens.
  private static func checked(_ region: String, from source: String) throws(StoreError) -> Choice {
    let isRegion = region.utf8.allSatisfy {
      Character(Unicode.Scalar($0)).isASCII
        && (Character(Unicode.Scalar($0)).isLetter || Character(Unicode.Scalar($0)).isNumber
          || $0 == UInt8(ascii: "-"))
    }
    guard isRegion, (1...63).contains(region.utf8.count) else {
      throw StoreError(.invalid, "\(source) is not a region, such as eu-central-1")
    }
    return Choice(value: region, source: source)
  }
}
