/// The version of the build. Nothing of the machine or the day is in it, so that what is written with
/// it is the same wherever it was built.
public enum Version {
  public static let text = "0.1.0"
}
