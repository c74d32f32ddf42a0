import java.util.List;
import java.util.Map;

import org.opensearch.Version;
import org.opensearch.analysis.common.CommonAnalysisModulePlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.index.mapper.MapperExtrasModulePlugin;
import org.opensearch.index.reindex.ReindexModulePlugin;
import org.opensearch.ingest.common.IngestCommonModulePlugin;
import org.opensearch.join.ParentJoinModulePlugin;
import org.opensearch.node.Node;
import org.opensearch.painless.PainlessModulePlugin;
import org.opensearch.plugins.Plugin;
import org.opensearch.plugins.PluginInfo;
import org.opensearch.transport.Netty4ModulePlugin;

/** OpenSearch 3.x with the modules it needs, all on one class path. */
class Engine extends Node {

    static final List<PluginInfo> MODULES = List.of(
        module(Netty4ModulePlugin.class),
        module(MapperExtrasModulePlugin.class),
        module(ParentJoinModulePlugin.class),
        module(PainlessModulePlugin.class),
        // These two add words to the painless language.
        module(CommonAnalysisModulePlugin.class, PainlessModulePlugin.class.getName()),
        module(IngestCommonModulePlugin.class, PainlessModulePlugin.class.getName()),
        module(ReindexModulePlugin.class)
    );

    static PluginInfo module(Class<? extends Plugin> type, String... extended) {
        String name = type.getName();
        String java = String.valueOf(Runtime.version().feature());
        return new PluginInfo(name, name, Version.CURRENT.toString(), Version.CURRENT, java, name, null, List.of(extended), false);
    }

    Engine(Map<String, String> settings) {
        super(new Environment(Settings.builder().loadFromMap(settings).build(), null), MODULES, true);
    }

    String url() {
        return "http://127.0.0.1:" + injector().getInstance(HttpServerTransport.class).boundAddress().publishAddress().getPort();
    }

    static String version() {
        return Version.CURRENT.toString();
    }
}
