#pragma once

#include <functional>

#include "base/async.hpp"
#include "gantry/stream.hpp"
#include "images/service.hpp"

/// Between the streams of the io thread's coroutines and work that blocks. Memory is bounded.
namespace gantry::images {

/// Runs `work` on a worker; it reads what `source` brings, to the end or until it throws.
awaitable<void> read_upload(Workers& workers, UploadSource source, std::function<void(ByteSource&)> work);

/// Runs `work` on a worker; what it writes goes to `sink`. When `sink` throws, `work`'s next write does.
awaitable<void> write_download(Workers& workers, DownloadSink sink, std::function<void(ByteSink&)> work);

}  // namespace gantry::images
