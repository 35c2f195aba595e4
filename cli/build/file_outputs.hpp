#pragma once

#include <string>
#include <vector>

#include "client/exchange.hpp"
#include "json.hpp"
#include "tar/reader.hpp"

namespace gantry::cli {

/// A statement about an image (`GET /images/{name}/attestations`) that goes beside its files.
struct FileStatement {
  std::string name;       ///< "provenance.json".
  std::string statement;  ///< JSON.
};

/// What of the daemon's answer BuildKit puts beside files, and under which names.
std::vector<FileStatement> file_statements(const Json& attestations, const std::string& prefix);

/// Unpacks the image's files, an archive, into a directory, with statements about them. Throws Failure.
void unpack_files(const TarReader::Source& archive, const std::string& directory,
                  const std::vector<FileStatement>& statements);

/// Hands an archive on, with statements about its files as further ones. Throws Failure.
void pass_files(const TarReader::Source& archive, int to, const std::vector<FileStatement>& statements);

}  // namespace gantry::cli
