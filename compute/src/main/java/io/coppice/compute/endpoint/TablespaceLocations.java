package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.datadir.DataDirectoryLayout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a run's Postgres left outside its data directory: the files of tablespaces that were made in
 * this very run. Only of those is there a link in {@code pg_tblspc}; a base backup brings
 * directories. Left alone, they would keep the branch's next endpoint from the same location.
 */
final class TablespaceLocations {
  private static final Logger log = LoggerFactory.getLogger(TablespaceLocations.class);

  private TablespaceLocations() {}

  /**
   * Deletes the directory that Postgres made in each location. What cannot be deleted is left: it
   * is nobody's any more, and only takes room.
   */
  static void delete(Path data) {
    try {
      List<Path> links = links(data.resolve(DataDirectoryLayout.TABLESPACES_DIRECTORY));
      if (links.isEmpty()) {
        return;
      }
      DataDirectoryLayout layout =
          DataDirectoryLayout.of(
              ControlFile.read(Files.readAllBytes(data.resolve(ControlFile.PATH))));
      for (Path link : links) {
        DirectoryTrees.delete(link.resolve(layout.tablespaceVersionDirectory()));
      }
    } catch (IOException | StorageException e) {
      log.warn("locations of tablespaces of {} are not emptied: {}", data, e.toString());
    }
  }

  private static List<Path> links(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.filter(Files::isSymbolicLink).toList();
    } catch (NoSuchFileException _) {
      return List.of();
    }
  }
}
