#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <map>
#include <string>

#include "gantry/call.hpp"
#include "layer_archive/archive_reader.hpp"
#include "layer_archive/parent_directories.hpp"

namespace gantry::layer_archive {

/// Where an entry goes: a name in an open directory.
struct Place {
  int parent{};
  std::string name;
  std::string path;  ///< Clean; for messages and for directories' times.
};

/// Owner, mode and time of an entry.
struct Attributes {
  uid_t uid{};
  gid_t gid{};
  mode_t mode{};  ///< Permissions only.
  timespec modified{};
};

/// Makes an archive's entries in the layer's directory.
class EntryWriter {
 public:
  EntryWriter(int root, ArchiveReader& reader, const Call& call);

  void write(archive_entry* entry);

  /// Sets what has to wait until nothing more goes into the directories: their times.
  void finish();

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

 private:
  Place place_of(const std::string& path);
  void whiteout(const Place& place);
  void opaque(int parent, const std::string& name);
  void root_directory(archive_entry* entry);
  void directory(const Place& place, archive_entry* entry);
  void regular_file(const Place& place, archive_entry* entry);
  void symlink(const Place& place, archive_entry* entry);
  void hard_link(const Place& place, const std::string& target);
  void node(const Place& place, archive_entry* entry);

  /// Runs `make` (returning 0 or a descriptor, or -1 with errno), and once more after removing what was in its way.
  template <class Make>
  int make_in_place(const Place& place, Make make);
  /// Returns whether a whiteout was there.
  bool clear(const Place& place);
  void copy_content(int file, std::uint64_t size);
  void set_attributes(const Place& place, const Attributes& attributes, bool is_link);
  void set_extended_attributes(archive_entry* entry, int file, const Place& place);
  void remember_time(const std::string& path, timespec modified);
  [[nodiscard]] bool owner_differs(const Attributes& attributes) const noexcept;

  int root_;
  ArchiveReader& reader_;
  const Call& call_;
  ParentDirectories parents_;
  mode_t umask_;
  bool group_inherited_;  ///< A set-group-ID directory gives new files its own group.
  std::uint64_t size_ = 0;
  std::map<std::string, timespec> directory_times_;
};

}  // namespace gantry::layer_archive
