package io.coppice.common.error;

import org.jspecify.annotations.Nullable;

/**
 * A failure of the world that the caller must handle, sorted by the caller's next step. A failure
 * of our own making is an {@link Invariant.Violation} instead.
 */
public abstract sealed class StorageException extends Exception {

  private StorageException(String message) {
    super(message);
  }

  private StorageException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  /** Try again later; nothing was changed. */
  public static final class Transient extends StorageException {
    public Transient(String message) {
      super(message);
    }

    public Transient(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /** Another writer holds a newer term; stop. */
  public static final class Fenced extends StorageException {
    public Fenced(String message) {
      super(message);
    }
  }

  /** Stored bytes fail their checks; never serve them. The message names what, where and how. */
  public static final class Corrupt extends StorageException {
    public Corrupt(String message) {
      super(message);
    }

    public Corrupt(String message, @Nullable Throwable cause) {
      super(message, cause);
    }
  }

  /** What was asked for does not exist. */
  public static final class NotFound extends StorageException {
    public NotFound(String message) {
      super(message);
    }
  }

  /** The request can never succeed as given; the message says what is accepted. */
  public static final class Invalid extends StorageException {
    public Invalid(String message) {
      super(message);
    }
  }

  /** It exists already, with other properties. */
  public static final class Conflict extends StorageException {
    public Conflict(String message) {
      super(message);
    }
  }

  /** Well formed, but not possible in the present state, such as an LSN outside the window. */
  public static final class Precondition extends StorageException {
    public Precondition(String message) {
      super(message);
    }
  }

  /** The data needs something this version does not do, such as a record kind it cannot replay. */
  public static final class Unsupported extends StorageException {
    public Unsupported(String message) {
      super(message);
    }
  }
}
