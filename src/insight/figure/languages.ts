/** What the figure says, in each language, in the terms of its literature. A part between dollar signs is a formula. */

/** Languages that labels can be in. */
export const languages = ['en', 'de', 'fr', 'es', 'zh'] as const;
/** A language, by its code. */
export type Language = (typeof languages)[number];

/** What stands in the figure. */
export interface Labels {
  readonly title: string;
  readonly description: string;
  readonly folded: string;
  readonly foldedNote: string;
  readonly delay: string;
  readonly unrolled: string;
  readonly unrolledNote: string;
  readonly stateFlows: string;
  readonly gradientFlows: string;
  readonly truncation: string;
  readonly rnn: string;
  readonly rnnNote: string;
  readonly gru: string;
  readonly gruNote: string;
  readonly lstm: string;
  readonly lstmNote: string;
  readonly parameters: string;
  readonly sizes: string;
  readonly candidate: string;
  readonly pointwise: string;
  readonly hiddenState: string;
  readonly cellState: string;
  readonly input: string;
  readonly reset: string;
  readonly update: string;
  readonly forget: string;
  readonly inputGate: string;
  readonly outputGate: string;
  /** Of a trained model; `{…}` are filled in. */
  readonly values: string;
  readonly valuesNote: string;
  readonly oneStep: string;
  readonly oneStepNote: string;
  readonly units: string;
  readonly unit: string;
  readonly mean: string;
  readonly next: string;
  readonly here: string;
  readonly forecast: string;
  readonly looks: string;
  readonly unitScale: string;
}

export const labels: Readonly<Record<Language, Labels>> = {
  en: {
    title: 'Recurrent neural networks: folded, unrolled through time, and their cells',
    description:
      'A recurrent cell feeds its hidden state back to itself. Unrolled, the same cell with the same weights stands at every time step; the state flows from left to right, and in training the gradient flows from right to left.',
    folded: 'Folded',
    foldedNote: 'one cell and its loop',
    delay: 'one step later',
    unrolled: 'Unrolled through time',
    unrolledNote: 'the same weights $W_{xh}$, $W_{hh}$, $W_{hy}$ at every step',
    stateFlows: 'the state flows forward',
    gradientFlows: 'backpropagation through time',
    truncation: 'truncated here: the gradient stops, the state goes on',
    rnn: 'Simple RNN',
    rnnNote: 'the loop: every step rewrites the whole state',
    gru: 'GRU',
    gruNote: 'a gate interpolates: $z_t$ keeps the old state, $1 − z_t$ lets the new one in',
    lstm: 'LSTM',
    lstmNote: 'a protected rail: $c_t$ changes only through its gates, and $o_t$ shows a part of it',
    parameters: 'parameters',
    sizes: '$I$ inputs, $H$ units',
    candidate: 'candidate',
    pointwise: 'pointwise',
    hiddenState: 'hidden state',
    cellState: 'cell state',
    input: 'input',
    reset: 'reset gate',
    update: 'update gate',
    forget: 'forget gate',
    inputGate: 'input gate',
    outputGate: 'output gate',
    values: 'What the model computes',
    valuesNote: '{cell}, layer {layer} of {layers}; each square is one unit',
    oneStep: 'Step {t} in full',
    oneStepNote: 'colour in the cell: the mean over all units',
    units: '{shown} of {all} units: those that change most',
    unit: '{all} units',
    mean: 'mean',
    next: 'most probable next',
    here: 'most probable',
    forecast: 'forecast',
    looks: 'attention',
    unitScale: 'gate: closed … open',
  },
  de: {
    title: 'Rekurrente neuronale Netze: gefaltet, durch die Zeit entfaltet, und ihre Zellen',
    description:
      'Eine rekurrente Zelle führt ihren verborgenen Zustand auf sich selbst zurück. Entfaltet steht dieselbe Zelle mit denselben Gewichten an jedem Zeitschritt; der Zustand fließt von links nach rechts, beim Lernen fließt der Gradient von rechts nach links.',
    folded: 'Gefaltet',
    foldedNote: 'eine Zelle und ihre Schleife',
    delay: 'ein Schritt später',
    unrolled: 'Durch die Zeit entfaltet',
    unrolledNote: 'dieselben Gewichte $W_{xh}$, $W_{hh}$, $W_{hy}$ in jedem Schritt',
    stateFlows: 'der Zustand fließt vorwärts',
    gradientFlows: 'Backpropagation Through Time',
    truncation: 'hier abgeschnitten: der Gradient endet, der Zustand läuft weiter',
    rnn: 'Einfaches RNN',
    rnnNote: 'die Schleife: jeder Schritt überschreibt alles',
    gru: 'GRU',
    gruNote: 'ein Gate mischt: $z_t$ behält den alten Zustand, $1 − z_t$ lässt den neuen ein',
    lstm: 'LSTM',
    lstmNote: 'eine geschützte Bahn: nur Gates ändern $c_t$, und $o_t$ zeigt einen Teil davon',
    parameters: 'Parameter',
    sizes: '$I$ Eingaben, $H$ Einheiten',
    candidate: 'Kandidat',
    pointwise: 'elementweise',
    hiddenState: 'verborgener Zustand',
    cellState: 'Zellzustand',
    input: 'Eingabe',
    reset: 'Reset-Gate',
    update: 'Update-Gate',
    forget: 'Forget-Gate',
    inputGate: 'Input-Gate',
    outputGate: 'Output-Gate',
    values: 'Was das Modell berechnet',
    valuesNote: '{cell}, Schicht {layer} von {layers}; jedes Quadrat ist eine Einheit',
    oneStep: 'Schritt {t} im Einzelnen',
    oneStepNote: 'Farbe in der Zelle: Mittel über alle Einheiten',
    units: '{shown} von {all} Einheiten: die veränderlichsten',
    unit: '{all} Einheiten',
    mean: 'Mittel',
    next: 'wahrscheinlichstes nächstes',
    here: 'am wahrscheinlichsten',
    forecast: 'Vorhersage',
    looks: 'Aufmerksamkeit',
    unitScale: 'Gate: zu … offen',
  },
  fr: {
    title: 'Réseaux de neurones récurrents : repliés, dépliés dans le temps, et leurs cellules',
    description:
      'Une cellule récurrente se renvoie son état caché. Dépliée, la même cellule avec les mêmes poids se trouve à chaque pas de temps ; l’état circule de gauche à droite et, pendant l’apprentissage, le gradient de droite à gauche.',
    folded: 'Replié',
    foldedNote: 'une cellule et sa boucle',
    delay: 'un pas plus tard',
    unrolled: 'Déplié dans le temps',
    unrolledNote: 'les mêmes poids $W_{xh}$, $W_{hh}$, $W_{hy}$ à chaque pas',
    stateFlows: 'l’état avance',
    gradientFlows: 'rétropropagation à travers le temps',
    truncation: 'tronqué ici : le gradient s’arrête, l’état continue',
    rnn: 'RNN simple',
    rnnNote: 'la boucle : chaque pas réécrit tout l’état',
    gru: 'GRU',
    gruNote: 'une porte interpole : $z_t$ garde l’ancien état, $1 − z_t$ laisse entrer le nouveau',
    lstm: 'LSTM',
    lstmNote: 'une voie protégée : $c_t$ ne change que par ses portes, $o_t$ en montre une partie',
    parameters: 'paramètres',
    sizes: '$I$ entrées, $H$ unités',
    candidate: 'candidat',
    pointwise: 'terme à terme',
    hiddenState: 'état caché',
    cellState: 'état de la cellule',
    input: 'entrée',
    reset: 'porte de réinitialisation',
    update: 'porte de mise à jour',
    forget: 'porte d’oubli',
    inputGate: 'porte d’entrée',
    outputGate: 'porte de sortie',
    values: 'Ce que calcule le modèle',
    valuesNote: '{cell}, couche {layer} sur {layers} ; chaque carré est une unité',
    oneStep: 'Le pas {t} en entier',
    oneStepNote: 'couleur dans la cellule : moyenne de toutes les unités',
    units: '{shown} unités sur {all} : les plus changeantes',
    unit: '{all} unités',
    mean: 'moyenne',
    next: 'suite la plus probable',
    here: 'le plus probable',
    forecast: 'prévision',
    looks: 'poids d’attention',
    unitScale: 'porte : fermée … ouverte',
  },
  es: {
    title: 'Redes neuronales recurrentes: plegadas, desplegadas en el tiempo, y sus celdas',
    description:
      'Una celda recurrente se devuelve su estado oculto. Desplegada, la misma celda con los mismos pesos está en cada paso de tiempo; el estado fluye de izquierda a derecha y, al aprender, el gradiente fluye de derecha a izquierda.',
    folded: 'Plegada',
    foldedNote: 'una celda y su bucle',
    delay: 'un paso después',
    unrolled: 'Desplegada en el tiempo',
    unrolledNote: 'los mismos pesos $W_{xh}$, $W_{hh}$, $W_{hy}$ en cada paso',
    stateFlows: 'el estado avanza',
    gradientFlows: 'retropropagación a través del tiempo',
    truncation: 'truncada aquí: el gradiente se detiene, el estado sigue',
    rnn: 'RNN simple',
    rnnNote: 'el bucle: cada paso reescribe el estado',
    gru: 'GRU',
    gruNote: 'una puerta interpola: $z_t$ conserva el estado viejo, $1 − z_t$ deja entrar el nuevo',
    lstm: 'LSTM',
    lstmNote: 'un carril protegido: $c_t$ solo cambia por sus puertas, y $o_t$ muestra una parte',
    parameters: 'parámetros',
    sizes: '$I$ entradas, $H$ unidades',
    candidate: 'candidato',
    pointwise: 'elemento a elemento',
    hiddenState: 'estado oculto',
    cellState: 'estado de la celda',
    input: 'entrada',
    reset: 'puerta de reinicio',
    update: 'puerta de actualización',
    forget: 'puerta de olvido',
    inputGate: 'puerta de entrada',
    outputGate: 'puerta de salida',
    values: 'Lo que calcula el modelo',
    valuesNote: '{cell}, capa {layer} de {layers}; cada cuadrado es una unidad',
    oneStep: 'El paso {t} completo',
    oneStepNote: 'color en la celda: media de todas las unidades',
    units: '{shown} de {all} unidades: las que más cambian',
    unit: '{all} unidades',
    mean: 'media',
    next: 'siguiente más probable',
    here: 'lo más probable',
    forecast: 'pronóstico',
    looks: 'atención',
    unitScale: 'puerta: cerrada … abierta',
  },
  zh: {
    title: '循环神经网络：折叠、按时间展开及其单元',
    description: '循环单元把隐藏状态反馈给自己。展开后，每个时间步上都是权重相同的同一个单元；状态从左向右流动，训练时梯度从右向左流动。',
    folded: '折叠',
    foldedNote: '一个单元和它的循环',
    delay: '延迟一步',
    unrolled: '按时间展开',
    unrolledNote: '每一步共享同样的权重 $W_{xh}$、$W_{hh}$、$W_{hy}$',
    stateFlows: '状态向前流动',
    gradientFlows: '通过时间反向传播',
    truncation: '在此截断：梯度停止，状态继续',
    rnn: '简单循环网络',
    rnnNote: '循环：每一步都重写整个状态',
    gru: 'GRU（门控循环单元）',
    gruNote: '一个门在新旧之间插值：$z_t$ 保留旧状态，$1 − z_t$ 放入新状态',
    lstm: 'LSTM（长短期记忆）',
    lstmNote: '受保护的通道：$c_t$ 只通过门改变，$o_t$ 输出其中一部分',
    parameters: '参数量',
    sizes: '$I$ 个输入，$H$ 个单元',
    candidate: '候选状态',
    pointwise: '逐元素运算',
    hiddenState: '隐藏状态',
    cellState: '细胞状态',
    input: '输入',
    reset: '重置门',
    update: '更新门',
    forget: '遗忘门',
    inputGate: '输入门',
    outputGate: '输出门',
    values: '模型的计算过程',
    valuesNote: '{cell}，第 {layer} 层，共 {layers} 层；每个方格是一个单元',
    oneStep: '第 {t} 步的全部数值',
    oneStepNote: '单元中的颜色：所有单元的平均值',
    units: '{all} 个单元中变化最大的 {shown} 个',
    unit: '{all} 个单元',
    mean: '平均值',
    next: '最可能的下一个',
    here: '最可能',
    forecast: '最可能的下一个',
    looks: '输入的权重',
    unitScale: '门：关 … 开',
  },
};
