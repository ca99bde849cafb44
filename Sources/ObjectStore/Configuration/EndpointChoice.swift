import HTTP

/// The server that requests for a bucket go to, if it is not AWS's.
package enum EndpointChoice {
  /// What the option says, else the environment, else the profile; without a slash at its end.
  ///
  /// - Parameters:
  ///   - option: of the command.
  ///   - profile: the profile's name, if the user gave one.
  /// - Returns: `nil` for that of AWS.
  /// - Throws: `StoreError` with the code `invalid` if it is not a URL of a server.
  package static func endpoint(
    option: String?, profile: String?, _ environment: StoreEnvironment
  ) throws(StoreError) -> Choice? {
    if let option { return try choice(option, from: "--endpoint-url") }
    return try named(
      variables: ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"], environment,
      SharedConfiguration(environment).profile(named: profile, environment))
  }

  static func named(
    variables: [String], _ environment: StoreEnvironment, _ profile: Profile
  ) throws(StoreError) -> Choice? {
    for variable in variables {
      if let url = environment[variable] { return try choice(url, from: variable) }
    }
    guard let url = profile["endpoint_url"] else { return nil }
    return try choice(url, from: "endpoint_url of \(profile.title)")
  }

  private static func choice(_ url: String, from source: String) throws(StoreError) -> Choice {
    Choice(value: try checked(url, from: source), source: source)
  }

  /// - Parameter source: what gave it, for errors.
  static func checked(_ url: String, from source: String) throws(StoreError) -> String {
    guard let parts = try? URLParts(url), parts.query == nil, parts.fragment == nil else {
      throw StoreError(.invalid, "\(source) is not the URL of a server, such as https://host:9000")
    }
    // The header Host is signed, so the host's letters are those of the signature.
    var url = parts.text
    while url.hasSuffix("/") { url.removeLast() }
    return url
  }
}
