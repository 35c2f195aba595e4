# Installs the driver authors' package into a prefix of its own and builds the sample drivers against that only.
# Takes BUILD (this project's build tree), SOURCE, WORK (made anew), CXX, CXX_FLAGS.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE failed OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    message(FATAL_ERROR "${ARGV}\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/prefix" --component gantry-plugin)
# Copied away, so that no path of this tree is near.
file(COPY "${SOURCE}/" DESTINATION "${WORK}/source")
run("${CMAKE_COMMAND}" -G Ninja -S "${WORK}/source" -B "${WORK}/build" "-DCMAKE_PREFIX_PATH=${WORK}/prefix"
    "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_CXX_FLAGS=${CXX_FLAGS}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
run("${CMAKE_COMMAND}" --build "${WORK}/build")
