#include "command/table.hpp"

#include <array>

#include "commands/commands.hpp"

namespace gantry::cli {

namespace {

constexpr const char* kEach = "CONTAINER [CONTAINER...]";
constexpr const char* kOptionsEach = "[OPTIONS] CONTAINER [CONTAINER...]";
constexpr const char* kRunUsage = "[OPTIONS] IMAGE [COMMAND] [ARG...]";

constexpr std::array kCommands{
    Command{"container", "attach", "", "attach", "[OPTIONS] CONTAINER",
            "Attach local standard input, output, and error streams to a running container", container_attach},
    Command{"container", "commit", "", "commit", "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
            "Create a new image from a container's changes", container_commit},
    Command{"container", "cp", "", "cp",
            "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tgantry cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
            "Copy files/folders between a container and the local filesystem\n\nUse '-' as the source to read a tar "
            "archive from stdin\nand extract it to a directory destination in a container.\nUse '-' as the destination "
            "to stream a tar archive of a\ncontainer source to stdout.",
            container_cp},
    Command{"container", "create", "", "create", kRunUsage, "Create a new container", container_create, false},
    Command{"container", "diff", "", "diff", "CONTAINER",
            "Inspect changes to files or directories on a container's filesystem", container_diff},
    Command{"container", "exec", "", "exec", "[OPTIONS] CONTAINER COMMAND [ARG...]",
            "Execute a command in a running container", container_exec, false},
    Command{"container", "export", "", "export", "[OPTIONS] CONTAINER",
            "Export a container's filesystem as a tar archive", container_export},
    Command{"container", "inspect", "", "", kOptionsEach, "Display detailed information on one or more containers",
            container_inspect},
    Command{"container", "kill", "", "kill", kOptionsEach, "Kill one or more running containers", container_kill},
    Command{"container", "logs", "", "logs", "[OPTIONS] CONTAINER", "Fetch the logs of a container", container_logs},
    Command{"container", "ls", "list,ps", "ps", "[OPTIONS]", "List containers", container_ls},
    Command{"container", "pause", "", "pause", kEach, "Pause all processes within one or more containers",
            container_pause},
    Command{"container", "port", "", "port", "CONTAINER [PRIVATE_PORT[/PROTO]]",
            "List port mappings or a specific mapping for the container", container_port},
    Command{"container", "prune", "", "", "[OPTIONS]", "Remove all stopped containers", container_prune},
    Command{"container", "rename", "", "rename", "CONTAINER NEW_NAME", "Rename a container", container_rename},
    Command{"container", "restart", "", "restart", kOptionsEach, "Restart one or more containers", container_restart},
    Command{"container", "rm", "remove", "rm", kOptionsEach, "Remove one or more containers", container_rm},
    Command{"container", "run", "", "run", kRunUsage, "Create and run a new container from an image", container_run,
            false},
    Command{"container", "start", "", "start", kOptionsEach, "Start one or more stopped containers", container_start},
    Command{"container", "stats", "", "stats", "[OPTIONS] [CONTAINER...]",
            "Display a live stream of container(s) resource usage statistics", container_stats},
    Command{"container", "stop", "", "stop", kOptionsEach, "Stop one or more running containers", container_stop},
    Command{"container", "top", "", "top", "CONTAINER [ps OPTIONS]", "Display the running processes of a container",
            container_top, false},
    Command{"container", "unpause", "", "unpause", kEach, "Unpause all processes within one or more containers",
            container_unpause},
    Command{"container", "update", "", "update", kOptionsEach, "Update configuration of one or more containers",
            container_update},
    Command{"container", "wait", "", "wait", kEach,
            "Block until one or more containers stop, then print their exit codes", container_wait},

    Command{"context", "create", "", "", "[OPTIONS] CONTEXT", "Create a context", context_create},
    Command{"context", "export", "", "", "CONTEXT [FILE|-]",
            "Export a context to a tar archive FILE or a tar stream on STDOUT.", context_export},
    Command{"context", "import", "", "", "CONTEXT FILE|-", "Import a context from a tar file", context_import},
    Command{"context", "inspect", "", "", "[OPTIONS] [CONTEXT] [CONTEXT...]",
            "Display detailed information on one or more contexts", context_inspect},
    Command{"context", "ls", "list", "", "[OPTIONS]", "List contexts", context_ls},
    Command{"context", "rm", "remove", "", "CONTEXT [CONTEXT...]", "Remove one or more contexts", context_rm},
    Command{"context", "show", "", "", "", "Print the name of the current context", context_show},
    Command{"context", "update", "", "", "[OPTIONS] CONTEXT", "Update a context", context_update},
    Command{"context", "use", "", "", "CONTEXT", "Set the current context", context_use},

    Command{"builder", "build", "", "", "[OPTIONS] PATH | URL | -", "Build an image from a Dockerfile", image_build},
    Command{"builder", "prune", "", "", "[OPTIONS]", "Remove build cache", builder_prune},

    Command{"image", "build", "", "build", "[OPTIONS] PATH | URL | -", "Build an image from a Dockerfile", image_build},
    Command{"image", "history", "", "history", "[OPTIONS] IMAGE", "Show the history of an image", image_history},
    Command{"image", "import", "", "import", "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
            "Import the contents from a tarball to create a filesystem image", image_import},
    Command{"image", "inspect", "", "", "[OPTIONS] IMAGE [IMAGE...]",
            "Display detailed information on one or more images", image_inspect},
    Command{"image", "load", "", "load", "[OPTIONS]", "Load an image from a tar archive or STDIN", image_load},
    Command{"image", "ls", "list", "images", "[OPTIONS] [REPOSITORY[:TAG]]", "List images", image_ls},
    Command{"image", "prune", "", "", "[OPTIONS]", "Remove unused images", image_prune},
    Command{"image", "pull", "", "pull", "[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry",
            image_pull},
    Command{"image", "push", "", "push", "[OPTIONS] NAME[:TAG] [oci:PATH[:TAG]]",
            "Upload an image to a registry, or into an OCI layout on the daemon's host", image_push},
    Command{"image", "rm", "remove", "rmi", "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images", image_rm},
    Command{"image", "save", "", "save", "[OPTIONS] IMAGE [IMAGE...]",
            "Save one or more images to a tar archive (streamed to STDOUT by default)", image_save},
    Command{"image", "tag", "", "tag", "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
            "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", image_tag},

    Command{"network", "connect", "", "", "[OPTIONS] NETWORK CONTAINER", "Connect a container to a network",
            network_connect},
    Command{"network", "create", "", "", "[OPTIONS] NETWORK", "Create a network", network_create},
    Command{"network", "disconnect", "", "", "[OPTIONS] NETWORK CONTAINER", "Disconnect a container from a network",
            network_disconnect},
    Command{"network", "inspect", "", "", "[OPTIONS] NETWORK [NETWORK...]",
            "Display detailed information on one or more networks", network_inspect},
    Command{"network", "ls", "list", "", "[OPTIONS]", "List networks", network_ls},
    Command{"network", "prune", "", "", "[OPTIONS]", "Remove all unused networks", network_prune},
    Command{"network", "rm", "remove", "", "NETWORK [NETWORK...]", "Remove one or more networks", network_rm},

    Command{"plugin", "disable", "", "", "PLUGIN [PLUGIN...]", "Take plugins out of use", plugin_disable},
    Command{"plugin", "enable", "", "", "PLUGIN [PLUGIN...]", "Put plugins into use again", plugin_enable},
    Command{"plugin", "inspect", "", "", "[OPTIONS] PLUGIN [PLUGIN...]",
            "Display detailed information on one or more plugins", plugin_inspect},
    Command{"plugin", "ls", "list", "", "[OPTIONS]", "List plugins", plugin_ls},
    Command{"plugin", "reload", "", "", "PLUGIN [PLUGIN...]", "Take over the new versions of plugins' files",
            plugin_reload},

    Command{"system", "dial-stdio", "", "", "",
            "Proxy the stdio stream to the daemon connection. Should not be invoked manually.", system_dial_stdio, true,
            true},
    Command{"system", "df", "", "", "[OPTIONS]", "Show gantry disk usage", system_df},
    Command{"system", "events", "", "events", "[OPTIONS]", "Get real time events from the server", system_events},
    Command{"system", "info", "", "info", "[OPTIONS]", "Display system-wide information", system_info},
    Command{"system", "prune", "", "", "[OPTIONS]", "Remove unused data", system_prune},

    Command{"volume", "clone", "", "", "[OPTIONS] VOLUME NEW-VOLUME", "Make a volume with a copy of another one's data",
            volume_clone},
    Command{"volume", "create", "", "", "[OPTIONS] [VOLUME]", "Create a volume", volume_create},
    Command{"volume", "export", "", "", "[OPTIONS] VOLUME",
            "Write a volume's data as a tar archive (to STDOUT by default)", volume_export},
    Command{"volume", "import", "", "", "[OPTIONS] NEW-VOLUME file|-", "Make a volume of a tar archive's content",
            volume_import},
    Command{"volume", "inspect", "", "", "[OPTIONS] VOLUME [VOLUME...]",
            "Display detailed information on one or more volumes", volume_inspect},
    Command{"volume", "ls", "list", "", "[OPTIONS]", "List volumes", volume_ls},
    Command{"volume", "prune", "", "", "[OPTIONS]", "Remove unused local volumes", volume_prune},
    Command{"volume", "rename", "", "", "VOLUME NEW-NAME", "Rename a volume that no container uses", volume_rename},
    Command{"volume", "rm", "remove", "", "[OPTIONS] VOLUME [VOLUME...]",
            "Remove one or more volumes. You cannot remove a volume that is in use by a container.", volume_rm},
    Command{"volume", "snapshot", "", "", "[OPTIONS] VOLUME [NEW-VOLUME]",
            "Make a volume with a copy of another one's data, to be read only", volume_snapshot},

    Command{"", "completion", "", "completion", "SHELL", "Print the completion script for a shell: bash, zsh or fish",
            print_completion},
    Command{"", "inspect", "", "inspect", "[OPTIONS] NAME|ID [NAME|ID...]",
            "Return low-level information on container engine objects", any_inspect},
    Command{"", "login", "", "login", "[OPTIONS] [SERVER]",
            "Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.", registry_login},
    Command{"", "logout", "", "logout", "[SERVER]",
            "Log out from a registry.\nIf no server is specified, the default is defined by the daemon.",
            registry_logout},
    Command{"", "search", "", "search", "[OPTIONS] TERM", "Search Docker Hub for images", registry_search},
    Command{"", "version", "", "version", "[OPTIONS]", "Show the gantry version information", show_version},
};

constexpr std::array kGroups{
    CommandGroup{"builder", "Manage builds"},   CommandGroup{"container", "Manage containers"},
    CommandGroup{"context", "Manage contexts"}, CommandGroup{"image", "Manage images"},
    CommandGroup{"network", "Manage networks"}, CommandGroup{"plugin", "Manage plugins"},
    CommandGroup{"system", "Manage gantry"},    CommandGroup{"volume", "Manage volumes"},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }
std::span<const CommandGroup> command_groups() { return kGroups; }

}  // namespace gantry::cli
