extension Configuration {
  /// The commented example, `Examples/needletail.yaml`, as it was when this was built.
  public static var example: String {
    String(decoding: PackageResources.needletail_yaml, as: UTF8.self)
  }
}
